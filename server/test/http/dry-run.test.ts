import assert from "node:assert/strict";
import { contents, type RestServer, startRestServer } from "../support/rest-server.ts";

suite("dry run", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
  });
  teardown(() => server.close());

  test("set-up shows what would be made and makes nothing", async () => {
    const before = await contents(server.store);
    const body = { email: "a@example.com", name: "A", password: "12345678" };
    assert.equal((await server.call("POST", "/setup?dry_run=true", body)).status, 200);
    assert.deepEqual(await contents(server.store), before);
    assert.equal((await server.call("GET", "/instance")).body.setup_required, true);
    assert.equal((await server.call("POST", "/setup?dry_run=true", { ...body, email: "a" })).status, 422);
  });

  test("a wish that is not understood is refused, not passed over", async () => {
    await server.setUp();
    for (const path of ["/groups", "/reverse-proxies/proxy-tokens", "/batch"]) {
      const body = { name: "n", operations: [{ method: "POST", path: "/api/groups", body: { name: "g" } }] };
      const answer = await server.call("POST", `${path}?dry_run=1`, body);
      assert.deepEqual([answer.status, answer.body.error.path], [422, "dry_run"], path);
    }
  });

  test("no route that writes forgets it: nothing changes and nobody is woken up", async () => {
    await server.setUp();
    await server.connectProxy({ accountId: server.account });
    const me = (await server.call("GET", "/users/current")).body.id;
    const group = (await server.call("POST", "/groups", { name: "g" })).body.id;
    const token = (await server.call("POST", "/reverse-proxies/proxy-tokens", { name: "t" })).body.id;
    const pat = (await server.call("POST", `/users/${me}/tokens`, { name: "p", expires_in: 2 })).body;
    await new Promise(setImmediate);
    let woken = 0;
    server.store.changes.onChange(() => woken++);
    const before = await contents(server.store);
    for (const [method, path, body] of [
      ["POST", "/groups", { name: "new" }],
      ["PUT", `/groups/${group}`, { name: "new" }],
      ["PATCH", `/groups/${group}`, { name: "new" }],
      ["DELETE", `/groups/${group}`],
      ["POST", "/reverse-proxies/proxy-tokens", { name: "new" }],
      ["DELETE", `/reverse-proxies/proxy-tokens/${token}`],
      ["POST", `/users/${me}/tokens`, { name: "new", expires_in: 2 }],
      ["DELETE", `/users/${me}/tokens/${pat.personal_access_token.id}`],
      ["DELETE", "/reverse-proxies/clusters/eu.example.net"],
      ["POST", "/batch", { operations: [{ method: "POST", path: "/api/groups", body: { name: "new" } }] }],
    ] as const) {
      const answer = await server.call(method, `${path}?dry_run=true`, body);
      assert.equal(answer.status, 200, `${method} ${path}: ${answer.text}`);
      assert.equal(answer.headers["netbird-dry-run"], "supported");
      assert.deepEqual(await contents(server.store), before, `${method} ${path}`);
    }
    await new Promise(setImmediate);
    assert.equal(woken, 0);
  });

  // The command rolled back before the answer was read, so groups, which are read for it, were those from before.
  test("the answer shows what would be, also where it is read after the command", async () => {
    await server.setUp();
    const group = (await server.call("POST", "/groups", { name: "g" })).body.id;
    const network = (await server.call("POST", "/networks", { name: "n" })).body.id;
    const resource = { name: "r", address: "10.0.0.1", enabled: true, groups: [group] };
    const dry = await server.call("POST", `/networks/${network}/resources?dry_run=true`, resource);
    assert.deepEqual(dry.body.groups, [{ id: group, name: "g", peers_count: 0, resources_count: 1 }]);
    assert.equal((await server.call("GET", `/networks/${network}/resources`)).body, null);
  });
});
