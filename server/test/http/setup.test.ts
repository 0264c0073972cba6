import assert from "node:assert/strict";
import { features, Instance } from "@netbird-proxy/proto/rest";
import { listAccounts } from "../../src/store/accounts.ts";
import {
  assertConforms,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

const owner = { email: "owner@example.com", name: "Owner", password: "correct horse" };

suite("first boot over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
  });
  teardown(() => server.close());

  test("the version is for those who have a token", async () => {
    assert.equal((await server.call("GET", "/instance/version", undefined, null)).status, 401);
    await server.setUp();
    const { body } = await server.call("GET", "/instance/version");
    assert.deepEqual(body, { management_current_version: "1.2.3", management_update_available: false });
  });

  test("the instance says whether it needs to be set up, its version and what it can", async () => {
    const before = (await server.call("GET", "/instance", undefined, null)).body;
    assertConforms(Instance, before);
    assert.deepEqual(before, {
      setup_required: true,
      version: "1.2.3",
      features: [...features],
    });
    await server.setUp();
    assert.equal((await server.call("GET", "/instance", undefined, null)).body.setup_required, false);
  });

  test("setting up makes account, owner, the group All and a token, once", async () => {
    const made = await server.call("POST", "/setup", { ...owner, create_pat: true, pat_expire_in: 7 }, null);
    assert.equal(made.status, 200);
    assert.equal(made.headers["cache-control"], "no-store");
    assert.match(made.body.personal_access_token, /^nbp_/);
    // Protobuf {1: uuid, 2: "local"}, as the reference's embedded identity provider numbers its users.
    const id = Buffer.from(made.body.user_id, "base64").toString("latin1");
    assert.match(id, /^\n\$[0-9a-f-]{36}\x12\x05local$/);
    const [account] = await listAccounts(server.store.db);
    assert.match(account!.networkV4, /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.0\.0\/16$/);
    assert.match(account!.networkV6, /^fd[0-9a-f:]+::\/64$/);
    const groups = (await server.call("GET", "/groups", undefined, made.body.personal_access_token)).body;
    assert.deepEqual(groups, [
      {
        id: groups[0].id,
        name: "All",
        issued: "api",
        peers_count: 0,
        resources_count: 0,
        peers: null,
        resources: null,
      },
    ]);
    const before = await contents(server.store);
    const again = await server.call("POST", "/setup", owner, null);
    assert.deepEqual(refusal(again), { status: 412, code: "setup.already_done", path: "" });
    assert.deepEqual(await contents(server.store), before);
  });

  test("two at the same moment make one account", async () => {
    const answers = await Promise.all([
      server.call("POST", "/setup", owner, null),
      server.call("POST", "/setup", owner, null),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 412]);
    assert.equal((await listAccounts(server.store.db)).length, 1);
  });

  const refused: [string, object, string, string][] = [
    ["an address that is none", { ...owner, email: "owner" }, "setup.invalid_email", "email"],
    ["no name", { ...owner, name: "" }, "user.invalid", "name"],
    ["a password of 7 bytes", { ...owner, password: "1234567" }, "setup.invalid_password", "password"],
    ["a password of 73 bytes", { ...owner, password: "x".repeat(73) }, "setup.invalid_password", "password"],
    [
      "a token for 366 days",
      { ...owner, create_pat: true, pat_expire_in: 366 },
      "token.invalid",
      "pat_expire_in",
    ],
  ];
  for (const [what, body, code, path] of refused) {
    test(`${what} is refused and leaves the server as it was`, async () => {
      const before = await contents(server.store);
      const answer = await server.call("POST", "/setup", body, null);
      assert.deepEqual(refusal(answer), { status: 422, code, path });
      assert.deepEqual(await contents(server.store), before);
    });
  }
});
