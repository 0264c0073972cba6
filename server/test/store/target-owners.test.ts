import assert from "node:assert/strict";
import { migrationSource } from "../../src/store/migrations/index.ts";
import { CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

suite("the migration to targets with ids", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
  });
  teardown(() => server.close());

  test("targets of an older database get ids of their own, the age of their service and no owner", async () => {
    await server.setUp();
    await server.connectProxy();
    const peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
    const target = { target_id: peer, target_type: "peer", protocol: "http", port: 80, enabled: true };
    const { body: service } = await server.call("POST", "/reverse-proxies/services", {
      name: "shop",
      domain: `shop.${CLUSTER}`,
      enabled: true,
      targets: [
        { ...target, path: "/" },
        { ...target, path: "/api" },
      ],
    });
    const name = "0005-target-owners-and-idempotency";
    await server.store.db.migrate.down({ migrationSource, name } as never);
    await server.store.db.migrate.latest({ migrationSource });
    const after = await server.call("GET", `/reverse-proxies/services/${service.id}/targets`);
    assert.equal(after.status, 200, after.text);
    const [first, second] = after.body;
    assert.match(first.id, /^[0-9a-v]{20}$/);
    assert.notEqual(first.id, second.id);
    assert.deepEqual([first.owner, first.created_at], [{ id: "", name: "" }, service.meta.created_at]);
  });
});
