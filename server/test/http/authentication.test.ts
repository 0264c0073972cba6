import assert from "node:assert/strict";
import { newToken } from "../../src/domain/token.ts";
import { updateUser } from "../../src/store/users.ts";
import { contents, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

suite("authentication and permissions over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const with_ = async (header: string) => {
    const response = await server.app.inject({ url: "/api/groups", headers: { authorization: header } });
    return { status: response.statusCode, body: response.json(), text: response.body, headers: {} };
  };

  test("a token is taken from Token and Bearer in any case", async () => {
    for (const scheme of ["Token", "token", "Bearer", "BEARER"]) {
      assert.equal((await with_(`${scheme} ${server.token}`)).status, 200, scheme);
    }
  });

  test("a wrong token is 401 with a code, and never says 'not found'", async () => {
    const damaged = `${server.token.slice(0, -1)}${server.token.endsWith("0") ? "1" : "0"}`;
    const cases: [string, string][] = [
      ["", "auth.missing_token"],
      ["Token", "auth.missing_token"],
      [`Basic ${server.token}`, "auth.missing_token"],
      [`Token ${server.token} x`, "auth.missing_token"],
      [`Token ${damaged}`, "auth.invalid_token"],
      [`Token ${newToken("nbp_")}`, "auth.invalid_token"],
      [`Token ${newToken("nbx_")}`, "auth.invalid_token"],
    ];
    const before = await contents(server.store);
    for (const [header, code] of cases) {
      const answer = await with_(header);
      assert.deepEqual(refusal(answer), { status: 401, code, path: "" }, header);
      assert.doesNotMatch(answer.body.message, /not found/);
      assert.notEqual(answer.body.error.hint, "");
    }
    assert.deepEqual(await contents(server.store), before);
  });

  test("an expired token is 401", async () => {
    server.nowMs += 31 * 86_400_000;
    assert.deepEqual(refusal(await server.call("GET", "/groups")), {
      status: 401,
      code: "auth.expired_token",
      path: "",
    });
  });

  const userToken = async (role: string) => {
    const user = (
      await server.call("POST", "/users", { name: role, role, auto_groups: [], is_service_user: true })
    ).body;
    const made = await server.call("POST", `/users/${user.id}/tokens`, { name: "t", expires_in: 1 });
    return { id: user.id as string, token: made.body.plain_token as string };
  };

  test("writes follow the role of a service user, reads do not", async () => {
    const { token } = await userToken("auditor");
    assert.equal((await server.call("GET", "/reverse-proxies/services", undefined, token)).status, 200);
    const before = await contents(server.store);
    const writes: [string, string, unknown][] = [
      ["POST", "/groups", { name: "g" }],
      [
        "POST",
        "/reverse-proxies/services",
        { name: "s", domain: "a.eu.example.net", targets: [{ target_type: "peer" }] },
      ],
      ["POST", "/setup-keys", { name: "k", type: "reusable" }],
      ["POST", "/peers", { name: "p" }],
      ["POST", "/networks", { name: "n" }],
      ["POST", "/reverse-proxies/domains", { domain: "a.test", target_cluster: "eu.example.net" }],
      ["POST", "/reverse-proxies/proxy-tokens", { name: "t" }],
      ["DELETE", "/reverse-proxies/clusters/eu.example.net", undefined],
    ];
    for (const [method, path, body] of writes) {
      const answer = await server.call(method, path, body, token);
      assert.deepEqual(refusal(answer), { status: 403, code: "auth.permission_denied", path: "" }, path);
    }
    assert.deepEqual(await contents(server.store), before);
  });

  test("network_admin may publish services but not make setup keys", async () => {
    const { token } = await userToken("network_admin");
    const made = await server.call("POST", "/reverse-proxies/proxy-tokens", { name: "t" }, token);
    assert.equal(made.status, 200);
    assert.equal(
      (await server.call("POST", "/setup-keys", { name: "k", type: "reusable" }, token)).status,
      403,
    );
  });

  test("a blocked user may do nothing", async () => {
    const { id, token } = await userToken("admin");
    await updateUser(server.store.db, server.account, id, { isBlocked: true });
    assert.deepEqual(refusal(await server.call("GET", "/groups", undefined, token)), {
      status: 403,
      code: "auth.user_blocked",
      path: "",
    });
  });

  test("another account's objects read as missing", async () => {
    const { db } = server.store;
    const [row] = await db("accounts");
    await db("accounts").insert({ ...row, id: "other-account" });
    await db("groups").insert({
      id: "their-group",
      account_id: "other-account",
      name: "theirs",
      issued: "api",
      created_at: 1,
    });
    assert.equal((await server.call("GET", "/groups/their-group")).status, 404);
    assert.equal((await server.call("DELETE", "/groups/their-group")).status, 404);
    assert.equal((await server.call("GET", "/groups")).body.length, 1);
  });

  test("personal access tokens are shown once, listed, read and deleted by their owner", async () => {
    const me = (await server.call("GET", "/users/current")).body;
    assert.equal(me.permissions.modules.services.create, true);
    const made = await server.call("POST", `/users/${me.id}/tokens`, { name: "ci", expires_in: 30 });
    const { id, expiration_date, created_at } = made.body.personal_access_token;
    assert.equal((Date.parse(expiration_date) - Date.parse(created_at)) % 86_400_000, 0);
    assert.equal((await server.call("GET", "/groups", undefined, made.body.plain_token)).status, 200);
    const listed = (await server.call("GET", `/users/${me.id}/tokens`)).body;
    assert.deepEqual(listed.map((token: { name: string }) => token.name).sort(), ["ci", "setup-token"]);
    assert.doesNotMatch(JSON.stringify(listed), /nbp_/);
    assert.equal((await server.call("GET", `/users/${me.id}/tokens/${id}`)).body.name, "ci");
    assert.deepEqual((await server.call("DELETE", `/users/${me.id}/tokens/${id}`)).body, {});
    const gone = await server.call("GET", `/users/${me.id}/tokens/${id}`);
    assert.deepEqual(refusal(gone), { status: 404, code: "token.not_found", path: "" });
    assert.match(gone.body.message, /not found/);
  });

  test("the lifetime of a token is 1 to 365 days", async () => {
    const me = (await server.call("GET", "/users/current")).body;
    for (const expires_in of [0, 366, -1]) {
      const answer = await server.call("POST", `/users/${me.id}/tokens`, { name: "x", expires_in });
      assert.deepEqual(refusal(answer), { status: 422, code: "token.invalid", path: "expires_in" });
    }
  });

  test("a service user has no current user, and cannot see the owner's tokens", async () => {
    const { id, token } = await userToken("admin");
    assert.equal((await server.call("GET", "/users/current", undefined, token)).status, 403);
    const [owner] = (await server.call("GET", "/users?service_user=false")).body;
    assert.equal((await server.call("GET", `/users/${owner.id}/tokens`, undefined, token)).status, 403);
    assert.equal((await server.call("GET", `/users/${id}/tokens`, undefined, token)).body.length, 1);
    assert.deepEqual((await server.call("DELETE", `/users/${id}`)).body, {});
    assert.equal((await server.call("GET", "/groups", undefined, token)).status, 401);
  });
});
