import assert from "node:assert/strict";
import { createServiceCache, type ServiceCache } from "../../src/store/service-cache.ts";
import { listServices } from "../../src/store/services.ts";
import { CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

suite("services that are kept as they were read", () => {
  let server: RestServer;
  let cache: ServiceCache;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    cache = createServiceCache();
  });
  teardown(() => server.close());

  const body = (name: string, path = "/") => ({
    name,
    domain: `${name}.${CLUSTER}`,
    enabled: true,
    public: true,
    targets: [
      {
        target_id: CLUSTER,
        target_type: "cluster",
        protocol: "http",
        host: "127.0.0.1",
        port: 80,
        path,
        enabled: true,
        options: { direct_upstream: true },
      },
    ],
  });
  async function make(name: string): Promise<string> {
    const { status, body: made, text } = await server.call("POST", "/reverse-proxies/services", body(name));
    assert.equal(status, 200, text);
    return made.id;
  }
  const asStored = async () => {
    const { db } = server.store;
    const kept = await cache.list(db, server.account);
    assert.deepEqual(kept, await listServices(db, server.account));
    return kept;
  };

  test("are those of the database after every kind of change", async () => {
    assert.deepEqual(await asStored(), []);
    const [a, b] = [await make("a"), await make("b")];
    const [first] = await asStored();
    await server.call("PUT", `/reverse-proxies/services/${b}`, body("b", "/changed"));
    const [stillFirst, second] = await asStored();
    assert.equal(second?.targets[0]?.path, "/changed");
    assert.equal(stillFirst, first, "an unchanged one was read again");
    await server.call("POST", `/reverse-proxies/services/${a}/targets`, {
      ...body("a").targets[0],
      path: "/more",
    });
    assert.equal((await asStored())[0]?.targets.length, 2);
    await server.store.db("services").where({ id: a }).update({ certificate_issued_at: 5 });
    assert.equal((await asStored())[0]?.certificateIssuedAt, 5);
    await server.call("DELETE", `/reverse-proxies/services/${a}`);
    await make("c");
    assert.deepEqual(
      (await asStored()).map(({ name }) => name),
      ["b", "c"],
    );
  });

  test("are each account's own", async () => {
    await make("a");
    await asStored();
    assert.deepEqual(await cache.list(server.store.db, "other" as never), []);
    assert.equal((await asStored()).length, 1);
  });
});
