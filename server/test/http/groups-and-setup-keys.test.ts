import assert from "node:assert/strict";
import { Group, SetupKey } from "@netbird-proxy/proto/rest";
import { hashSetupKey, requireUsableSetupKey } from "../../src/domain/setup-key-state.ts";
import { findSetupKeyByHash, spendSetupKey } from "../../src/store/setup-keys.ts";
import {
  assertConforms,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

suite("groups over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  test("are made, read by name, changed and deleted", async () => {
    const peer = (await server.call("POST", "/peers", { name: "web" })).body;
    const made = (await server.call("POST", "/groups", { name: "staff", peers: [peer.id, "nobody"] })).body;
    assertConforms(Group, made);
    assert.deepEqual(
      [made.peers, made.resources, made.peers_count],
      [[{ id: peer.id, name: "web" }], null, 1],
    );
    assert.deepEqual((await server.call("GET", "/groups?name=staff")).body, [made]);
    assert.equal((await server.call("GET", "/groups?name=Staff")).status, 404);
    const emptied = (await server.call("PUT", `/groups/${made.id}`, { name: "crew" })).body;
    assert.deepEqual([emptied.name, emptied.peers], ["crew", null]);
    assert.deepEqual((await server.call("DELETE", `/groups/${made.id}`)).body, {});
    const gone = await server.call("GET", `/groups/${made.id}`);
    assert.deepEqual(refusal(gone), { status: 404, code: "group.not_found", path: "" });
    assert.match(gone.body.message, /not found/);
  });

  test("a dry run keeps nothing", async () => {
    const before = await contents(server.store);
    const dry = await server.call("POST", "/groups?dry_run=true", { name: "staff" });
    assert.deepEqual(
      [dry.status, dry.body.name, dry.headers["netbird-dry-run"]],
      [200, "staff", "supported"],
    );
    assert.deepEqual(await contents(server.store), before);
  });

  test("names are unique, and All stays as it is", async () => {
    await server.call("POST", "/groups", { name: "staff" });
    const [all] = (await server.call("GET", "/groups?name=All")).body;
    const before = await contents(server.store);
    const cases: [string, string, unknown, number, string, string][] = [
      ["POST", "/groups", { name: "staff" }, 409, "group.name_taken", "name"],
      ["POST", "/groups", { name: "" }, 422, "group.invalid", "name"],
      [
        "POST",
        "/groups",
        { name: "x", resources: [{ id: "r", type: "vm" }] },
        422,
        "group.invalid",
        "resources[0].type",
      ],
      ["PUT", `/groups/${all.id}`, { name: "x" }, 422, "group.invalid", ""],
      ["DELETE", `/groups/${all.id}`, undefined, 400, "group.in_use", ""],
    ];
    for (const [method, path, body, status, code, at] of cases) {
      assert.deepEqual(refusal(await server.call(method, path, body)), { status, code, path: at });
    }
    assert.deepEqual(await contents(server.store), before);
  });

  test("a group that something uses stays, and the message says what", async () => {
    const group = (await server.call("POST", "/groups", { name: "staff" })).body;
    await server.call("POST", "/setup-keys", { name: "ci-key", type: "reusable", auto_groups: [group.id] });
    const answer = await server.call("DELETE", `/groups/${group.id}`);
    assert.deepEqual(refusal(answer), { status: 400, code: "group.in_use", path: "" });
    assert.match(answer.body.message, /ci-key/);
  });
});

suite("setup keys over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  const request = (change = {}) => ({
    name: "ci",
    type: "reusable",
    expires_in: 3600,
    auto_groups: [],
    usage_limit: 0,
    ...change,
  });

  test("the key is shown whole once, and stored as a hash that ignores case", async () => {
    const made = (await server.call("POST", "/setup-keys", request())).body;
    assertConforms(SetupKey, made);
    assert.match(made.key, /^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$/);
    assert.deepEqual([made.state, made.last_used], ["valid", "0001-01-01T00:00:00Z"]);
    const read = (await server.call("GET", `/setup-keys/${made.id}`)).body;
    assert.equal(read.key, `${made.key.slice(0, 5)}****`);
    const found = await findSetupKeyByHash(server.store.db, hashSetupKey(made.key.toLowerCase()));
    assert.equal(found?.id, made.id);
    assert.doesNotMatch(JSON.stringify(await contents(server.store)), new RegExp(made.key));
  });

  test("without expiry it says never", async () => {
    assert.equal(
      (await server.call("POST", "/setup-keys", request({ expires_in: 0 }))).body.expires,
      "0001-01-01T00:00:00Z",
    );
  });

  test("an expired, a used-up and a revoked key say so and cannot be used", async () => {
    const { db } = server.store;
    const usable = async (key: string) => {
      const row = (await findSetupKeyByHash(db, hashSetupKey(key)))!;
      requireUsableSetupKey(row, server.nowMs);
    };
    const stateOf = async (id: string) => (await server.call("GET", `/setup-keys/${id}`)).body.state;
    const oneOff = (await server.call("POST", "/setup-keys", request({ type: "one-off", expires_in: 0 })))
      .body;
    assert.equal(oneOff.usage_limit, 1);
    assert.equal(await spendSetupKey(db, oneOff.id, server.nowMs), true);
    assert.equal(await spendSetupKey(db, oneOff.id, server.nowMs), false, "the second use does not count");
    assert.equal(await stateOf(oneOff.id), "overused");
    await assert.rejects(usable(oneOff.key), { code: "setup_key.overused" });

    const revoked = (await server.call("POST", "/setup-keys", request({ expires_in: 0 }))).body;
    await server.call("PUT", `/setup-keys/${revoked.id}`, { auto_groups: [], revoked: true });
    assert.equal(await stateOf(revoked.id), "revoked");
    await assert.rejects(usable(revoked.key), { code: "setup_key.revoked" });

    const expiring = (await server.call("POST", "/setup-keys", request())).body;
    server.nowMs += 3600_000;
    assert.equal(await stateOf(expiring.id), "expired");
    await assert.rejects(usable(expiring.key), { code: "setup_key.expired" });
  });

  test("bad requests are refused and leave nothing", async () => {
    const [all] = (await server.call("GET", "/groups?name=All")).body;
    const made = (await server.call("POST", "/setup-keys", request())).body;
    await server.call("PUT", `/setup-keys/${made.id}`, { auto_groups: [], revoked: true });
    const before = await contents(server.store);
    const cases: [string, string, unknown, number, string, string][] = [
      ["POST", "/setup-keys", request({ name: "" }), 422, "setup_key.invalid", "name"],
      ["POST", "/setup-keys", request({ type: "other" }), 422, "setup_key.invalid", "type"],
      ["POST", "/setup-keys", request({ expires_in: -1 }), 422, "setup_key.invalid", "expires_in"],
      [
        "POST",
        "/setup-keys",
        request({ type: "one-off", usage_limit: 2 }),
        422,
        "setup_key.invalid",
        "usage_limit",
      ],
      [
        "POST",
        "/setup-keys",
        request({ auto_groups: ["nobody"] }),
        422,
        "setup_key.invalid",
        "auto_groups[0]",
      ],
      ["POST", "/setup-keys", request({ auto_groups: [all.id] }), 422, "setup_key.invalid", "auto_groups[0]"],
      ["PUT", `/setup-keys/${made.id}`, { revoked: true }, 422, "setup_key.invalid", "auto_groups"],
      [
        "PUT",
        `/setup-keys/${made.id}`,
        { auto_groups: [], revoked: false },
        422,
        "setup_key.invalid",
        "revoked",
      ],
      ["GET", "/setup-keys/nothing", undefined, 404, "setup_key.not_found", ""],
      ["DELETE", "/setup-keys/nothing", undefined, 404, "setup_key.not_found", ""],
    ];
    for (const [method, path, body, status, code, at] of cases) {
      const answer = await server.call(method, path, body);
      assert.deepEqual(refusal(answer), { status, code, path: at }, JSON.stringify(body));
      assert.notEqual(answer.body.error.hint, "");
    }
    assert.deepEqual(await contents(server.store), before);
  });
});
