import assert from "node:assert/strict";
import { sweep } from "../../src/reconcile/sweep.ts";
import { type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

suite("Idempotency-Key", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  const post = (path: string, body: unknown, key: string, token = server.token) =>
    server.call("POST", path, body, token, { "idempotency-key": key });
  const groups = async () => (await server.call("GET", "/groups")).body.length;

  test("a repeated create answers as the first one did and makes nothing", async () => {
    const first = await post("/groups", { name: "g" }, "k1");
    const count = await groups();
    const second = await post("/groups", { name: "g" }, "k1");
    assert.deepEqual([second.status, second.body], [200, first.body]);
    assert.equal(first.headers["idempotency-replayed"], undefined);
    assert.equal(second.headers["idempotency-replayed"], "true");
    assert.equal(await groups(), count);
  });

  test("requests at the same time with one key make one object", async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => post("/networks", { name: "n" }, "same")),
    );
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    assert.equal((await server.call("GET", "/networks")).body.length, 1);
  });

  test("a secret that is shown once is shown again, and is sealed in the database", async () => {
    const body = { name: "k", type: "reusable", expires_in: 86_400 };
    const first = (await post("/setup-keys", body, "key")).body;
    assert.deepEqual((await post("/setup-keys", body, "key")).body, first);
    const [row] = await server.store.db("idempotency_keys");
    assert.ok(!JSON.stringify(row).includes(first.key));
  });

  test("another request with the same key is refused", async () => {
    await post("/groups", { name: "g" }, "k");
    for (const [path, body] of [
      ["/groups", { name: "h" }],
      ["/networks", { name: "g" }],
    ] as const) {
      assert.deepEqual(refusal(await post(path, body, "k")), {
        status: 422,
        code: "request.idempotency_key_reused",
        path: "Idempotency-Key",
      });
    }
  });

  test("what was refused may be tried again with the same key", async () => {
    assert.equal((await post("/groups", { name: "" }, "k")).status, 422);
    assert.equal((await post("/groups", { name: "g" }, "k")).status, 200);
  });

  test("another user's key is another key", async () => {
    const bot = await server.call("POST", "/users", {
      name: "bot",
      role: "admin",
      auto_groups: [],
      is_service_user: true,
    });
    const made = await server.call("POST", `/users/${bot.body.id}/tokens`, { name: "t", expires_in: 2 });
    await post("/networks", { name: "n" }, "k");
    const other = await post("/networks", { name: "n" }, "k", made.body.plain_token);
    assert.equal(other.headers["idempotency-replayed"], undefined);
  });

  test("a key is kept for a day", async () => {
    const first = await post("/networks", { name: "n" }, "k");
    server.nowMs += 24 * 60 * 60_000 - 1;
    await sweep(server.context);
    assert.equal((await post("/networks", { name: "n" }, "k")).body.id, first.body.id);
    server.nowMs += 1;
    assert.notEqual((await post("/networks", { name: "n" }, "k")).body.id, first.body.id);
    server.nowMs += 24 * 60 * 60_000;
    await sweep(server.context);
    assert.deepEqual(await server.store.db("idempotency_keys"), []);
  });

  test("a batch is repeated as a whole", async () => {
    const body = { operations: [{ method: "POST", path: "/api/networks", body: { name: "n" } }] };
    const first = await post("/batch", body, "k");
    assert.deepEqual((await post("/batch", body, "k")).body, first.body);
    assert.equal((await server.call("GET", "/networks")).body.length, 1);
  });

  test("a key that cannot be one is refused; a dry run needs none", async () => {
    assert.equal(refusal(await post("/groups", { name: "g" }, "a b")).path, "Idempotency-Key");
    assert.equal((await post("/groups?dry_run=true", { name: "g" }, "k")).status, 200);
    assert.equal((await post("/groups", { name: "g" }, "k")).headers["idempotency-replayed"], undefined);
  });
});
