import assert from "node:assert/strict";
import { OwnedServiceTarget } from "@netbird-proxy/proto/rest";
import {
  assertConforms,
  CLUSTER,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

suite("targets of a service", () => {
  let server: RestServer;
  let peer = "";
  let service = "";
  let targets = "";
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
    const made = await server.call("POST", "/reverse-proxies/services", whole([target({ path: "/" })]));
    service = `/reverse-proxies/services/${made.body.id}`;
    targets = `${service}/targets`;
  });
  teardown(() => server.close());

  const target = (change = {}) => ({
    target_id: peer,
    target_type: "peer",
    protocol: "http",
    port: 80,
    enabled: true,
    ...change,
  });
  const whole = (list: unknown[]) => ({
    name: "shop",
    domain: `shop.${CLUSTER}`,
    enabled: true,
    targets: list,
    auth: { password_auth: { enabled: true, password: "secret" } },
  });
  const paths = async () =>
    (await server.call("GET", service)).body.targets.map(({ path }: { path: string }) => path);

  test("another team adds its route, and everybody sees whose it is", async () => {
    const bot = await server.call("POST", "/users", {
      name: "api team",
      role: "network_admin",
      auto_groups: [],
      is_service_user: true,
    });
    const token = (await server.call("POST", `/users/${bot.body.id}/tokens`, { name: "t", expires_in: 2 }))
      .body;
    const made = await server.call("POST", targets, target({ path: "/api", port: 81 }), token.plain_token);
    assert.equal(made.status, 200, made.text);
    assertConforms(OwnedServiceTarget, made.body);
    assert.deepEqual(
      [made.body.path, made.body.port, made.body.owner],
      ["/api", 81, { id: bot.body.id, name: "api team" }],
    );
    assert.deepEqual(await paths(), ["/", "/api"]);
    const list = (await server.call("GET", targets)).body;
    assert.deepEqual(
      list.map((one: OwnedServiceTarget) => one.owner.name),
      ["Owner", "api team"],
    );
    const one = await server.call("GET", `${targets}/${made.body.id}`);
    assert.deepEqual([one.body, one.headers.etag], [made.body, made.headers.etag]);
  });

  test("a path that is taken is refused with the name of its owner", async () => {
    const answer = await server.call("POST", targets, target({ path: "/" }));
    assert.deepEqual(refusal(answer), { status: 409, code: "service.path_taken", path: "path" });
    assert.match(answer.body.message, /Owner made on 2026-08-22T19:07:31/);
    const made = (await server.call("POST", targets, target({ path: "/api" }))).body;
    const slash = await server.call("POST", targets, target({ path: "/api/" }));
    assert.ok(slash.body.message.includes(made.id));
  });

  test("a change of one leaves the others and the secrets", async () => {
    const { body: made } = await server.call("POST", targets, target({ path: "/api", port: 81 }));
    const put = await server.call("PUT", `${targets}/${made.id}`, target({ path: "/api", port: 82 }));
    assert.deepEqual([put.status, put.body], [200, { ...made, port: 82 }]);
    const patched = await server.call("PATCH", `${targets}/${made.id}`, {
      options: { request_timeout: "5s" },
    });
    assert.deepEqual(
      [patched.status, patched.body],
      [200, { ...made, port: 82, options: { request_timeout: "5s" } }],
    );
    const stale = await server.call("PATCH", `${targets}/${made.id}`, { port: 1 }, server.token, {
      "if-match": String(put.headers.etag),
    });
    assert.equal(refusal(stale).code, "request.precondition_failed");
    assert.equal((await server.call("DELETE", `${targets}/${made.id}`)).status, 200);
    assert.deepEqual(await paths(), ["/"]);
    assert.equal(refusal(await server.call("GET", `${targets}/${made.id}`)).code, "target.not_found");
    assert.equal((await server.call("GET", service)).body.auth.password_auth.enabled, true);
  });

  test("a whole PUT replaces every target, and one with the same path keeps id and owner", async () => {
    const { body: made } = await server.call("POST", targets, target({ path: "/api" }));
    const [first] = (await server.call("GET", targets)).body;
    server.nowMs += 60_000;
    await server.call("PUT", service, whole([target({ path: "/new" }), target({ path: "/api/", port: 9 })]));
    const after = (await server.call("GET", targets)).body;
    assert.deepEqual(
      after.map(({ path, port }: OwnedServiceTarget) => [path, port]),
      [
        ["/new", 80],
        ["/api/", 9],
      ],
    );
    assert.deepEqual([after[1].id, after[1].created_at], [made.id, made.created_at]);
    assert.ok(after[0].id !== first.id && after[0].created_at !== made.created_at);
  });

  test("targets that share a path keep their ids, in whatever order they come back", async () => {
    const ids = async () =>
      (await server.call("GET", targets)).body.map(({ id, port }: { id: string; port: number }) => [
        port,
        id,
      ]);
    const put = (...ports: number[]) =>
      server.call("PUT", service, whole(ports.map((port) => target({ path: "/", port }))));
    assert.equal((await put(80, 81, 82)).status, 200);
    const before = Object.fromEntries(await ids());
    assert.equal(new Set(Object.values(before)).size, 3);
    await put(82, 80, 83);
    assert.deepEqual(await ids(), [
      [82, before[82]],
      [80, before[80]],
      [83, before[81]],
    ]);
    const removed = await server.call("DELETE", `${targets}/${before[80]}`);
    assert.equal(removed.status, 200, removed.text);
    assert.deepEqual(await ids(), [
      [82, before[82]],
      [83, before[81]],
    ]);
  });

  test("errors name the field of the target, and nothing is left of what was refused", async () => {
    const before = await contents(server.store);
    for (const [body, path] of [
      [target({ path: "/a", port: 70_000 }), "port"],
      [target({ path: "/a", target_id: "nobody" }), "target_id"],
      [target({ path: "/a", protocol: "gopher" }), "protocol"],
    ] as const) {
      assert.equal(refusal(await server.call("POST", targets, body)).path, path);
    }
    const [only] = (await server.call("GET", targets)).body;
    assert.equal(refusal(await server.call("DELETE", `${targets}/${only.id}`)).code, "service.no_targets");
    const moved = await server.call("PATCH", `${targets}/${only.id}`, { path: "/elsewhere" });
    assert.deepEqual(refusal(moved), { status: 422, code: "service.invalid", path: "path" });
    assert.equal((await server.call("POST", `${targets}?dry_run=true`, target({ path: "/a" }))).status, 200);
    assert.deepEqual(await contents(server.store), before);
  });

  test("teams that add routes at the same time all get theirs", async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        server.call("POST", targets, target({ path: `/team-${index}` })),
      ),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      Array(6).fill(200),
    );
    assert.equal((await paths()).length, 7);
  });
});
