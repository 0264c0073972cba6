import assert from "node:assert/strict";
import { listAuditEvents } from "../../src/store/audit-events.ts";
import { getService } from "../../src/store/services.ts";
import { CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

suite("ending a service's sessions over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  test("is a change that proxies hear of, is written down, and leaves the object as it was", async () => {
    const { body: made } = await server.call("POST", "/reverse-proxies/services", {
      name: "s",
      domain: `s.${CLUSTER}`,
      auth: { password_auth: { enabled: true, password: "a secret" } },
      targets: [
        {
          target_id: CLUSTER,
          target_type: "cluster",
          host: "127.0.0.1",
          protocol: "http",
          port: 1,
          options: { direct_upstream: true },
        },
      ],
    });
    const path = `/reverse-proxies/services/${made.id}/sessions`;
    const epoch = async () => (await getService(server.store.db, server.account, made.id))!;
    assert.equal((await server.call("DELETE", `${path}?dry_run=true`)).status, 200);
    assert.equal((await epoch()).sessionEpoch, 0);
    const answer = await server.call("DELETE", path);
    assert.deepEqual([answer.status, answer.body], [200, {}]);
    const after = await epoch();
    assert.deepEqual([after.sessionEpoch, after.revision > made.meta.revision], [1, true]);
    const [event] = await listAuditEvents(server.store.db, server.account, 1);
    assert.deepEqual([event!.activityCode, event!.targetId], ["service.sessions.end", made.id]);
    const { body } = await server.call("GET", `/reverse-proxies/services/${made.id}`);
    assert.deepEqual({ ...body, meta: undefined }, { ...made, meta: undefined });
    assert.equal((await server.call("DELETE", "/reverse-proxies/services/nothing/sessions")).status, 404);
  });
});
