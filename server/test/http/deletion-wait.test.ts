import assert from "node:assert/strict";
import { CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

suite("waiting for proxies to let go of a deleted service", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  async function make(name: string): Promise<{ path: string; etag: string }> {
    const answer = await server.call("POST", "/reverse-proxies/services", {
      name,
      domain: `${name}.${CLUSTER}`,
      public: true,
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
    return { path: `/reverse-proxies/services/${answer.body.id}`, etag: String(answer.headers.etag) };
  }
  const acknowledge = (revision: number) =>
    server.store.db("proxies").update({ applied_revision: revision, last_seen: server.context.nowMs() });
  const newest = async () =>
    Number((await server.store.db("revisions").max("revision as revision").first())!.revision);

  test("answers when all have, and says so", async () => {
    const { path } = await make("a");
    let answered = false;
    const deletion = server.call("DELETE", `${path}?wait=20`).then((answer) => {
      answered = true;
      return answer;
    });
    // Until the deletion is in the log, and then some looks of the waiting answer.
    const before = await newest();
    while ((await newest()) === before) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(answered, false);
    await acknowledge(await newest());
    const answer = await deletion;
    assert.deepEqual([answer.status, answer.headers["netbird-applied"]], [200, "true"]);
  });

  test("says after that time that one has not, and the service is gone all the same", async () => {
    const { path } = await make("a");
    const answer = await server.call("DELETE", `${path}?wait=1`);
    assert.deepEqual([answer.status, answer.headers["netbird-applied"]], [200, "false"]);
    assert.equal((await server.call("GET", path)).status, 404);
  });

  test("does not hold the transaction of a conditional deletion", async () => {
    const { path, etag } = await make("a");
    const deletion = server.call("DELETE", `${path}?wait=20`, undefined, server.token, { "if-match": etag });
    const other = await make("b");
    assert.equal((await server.call("GET", other.path)).status, 200);
    await acknowledge(1_000_000);
    assert.equal((await deletion).headers["netbird-applied"], "true");
  });

  test("is not asked for without `wait`, in a dry run and for what does not exist", async () => {
    const { path } = await make("a");
    const dry = await server.call("DELETE", `${path}?wait=20&dry_run=true`);
    assert.deepEqual([dry.status, dry.headers["netbird-applied"]], [200, undefined]);
    assert.equal((await server.call("DELETE", path)).headers["netbird-applied"], undefined);
    assert.equal((await server.call("DELETE", `${path}?wait=20`)).status, 404);
  });

  for (const wait of ["61", "-1", "soon", "1.5"]) {
    test(`refuses ${wait} seconds, and deletes nothing`, async () => {
      const { path } = await make("a");
      const { status, body } = await server.call("DELETE", `${path}?wait=${wait}`);
      assert.deepEqual([status, body.error.path], [422, "wait"]);
      assert.equal((await server.call("GET", path)).status, 200);
    });
  }
});
