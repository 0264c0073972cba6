import assert from "node:assert/strict";
import { BatchResponse } from "@netbird-proxy/proto/rest";
import { recheckDomains } from "../../src/jobs/recheck-domains.ts";
import { listAuditEvents } from "../../src/store/audit-events.ts";
import { getService } from "../../src/store/services.ts";
import {
  assertConforms,
  CLUSTER,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

suite("batch", () => {
  let server: RestServer;
  let peer = "";
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
  });
  teardown(() => server.close());

  const batch = (operations: unknown[], query = "") => server.call("POST", `/batch${query}`, { operations });
  const site = () => [
    { ref: "group", method: "POST", path: "/api/groups", body: { name: "routers", peers: [peer] } },
    { ref: "net", method: "POST", path: "/api/networks", body: { name: "office" } },
    {
      method: "POST",
      path: "/api/networks/@{net.id}/routers",
      body: { peer_groups: ["@{group.id}"], metric: 1, masquerade: true, enabled: true },
    },
    {
      ref: "wiki",
      method: "POST",
      path: "/api/networks/@{net.id}/resources",
      body: { name: "wiki", address: "10.1.2.3", enabled: true, groups: [] },
    },
    {
      ref: "service",
      method: "POST",
      path: "/api/reverse-proxies/services",
      body: {
        name: "wiki",
        domain: `wiki.${CLUSTER}`,
        enabled: true,
        auth: { password_auth: { enabled: true, password: "secret" } },
        targets: [
          { target_id: "@{wiki.id}", target_type: "host", protocol: "http", port: 80, enabled: true },
        ],
      },
    },
  ];

  test("objects that need each other are made together", async () => {
    const { status, body, text } = await batch(site());
    assert.equal(status, 200, text);
    assertConforms(BatchResponse, body);
    assert.deepEqual(
      body.results.map((result: { ref?: string; status: number }) => [result.ref, result.status]),
      [
        ["group", 200],
        ["net", 200],
        [undefined, 200],
        ["wiki", 200],
        ["service", 200],
      ],
    );
    const service = body.results[4].body;
    const read = await server.call("GET", `/reverse-proxies/services/${service.id}`);
    assert.deepEqual(read.body, service);
    assert.equal(read.headers.etag, body.results[4].etag);
    assert.ok(
      (await getService(server.store.db, server.account, service.id))!.auth.password!.hash.length > 20,
    );
    const codes = (await listAuditEvents(server.store.db, server.account, 5)).map((one) => one.activityCode);
    assert.ok(codes.includes("service.create") && codes.includes("network.create"), codes.join());
  });

  test("one refusal undoes everything, and every mistake is shown at once", async () => {
    const before = await contents(server.store);
    const answer = await batch([
      ...site(),
      { method: "POST", path: "/api/groups", body: { name: "routers" } },
      { method: "PUT", path: "/api/groups/@{nobody.id}", body: { name: "x" } },
      { method: "POST", path: "/api/setup-keys", body: { name: "k", type: "reusable", expires_in: -1 } },
    ]);
    assert.deepEqual(refusal(answer), {
      status: 422,
      code: "batch.refused",
      path: "operations[5].body.name",
    });
    assert.deepEqual(
      answer.body.results.map((result: { body: { error?: { code: string } } }) => result.body.error?.code),
      [...Array(5).fill(undefined), "group.name_taken", "batch.unknown_reference", "setup_key.invalid"],
    );
    assert.deepEqual(await contents(server.store), before);
  });

  test("a dry run answers the same and keeps nothing", async () => {
    const before = await contents(server.store);
    const { status, body } = await batch(site(), "?dry_run=true");
    assert.equal(status, 200);
    assert.equal(body.results[4].body.domain, `wiki.${CLUSTER}`);
    assert.deepEqual(await contents(server.store), before);
  });

  test("later operations see earlier ones, with patches and preconditions", async () => {
    const { body: group, headers } = await server.call("POST", "/groups", { name: "g" });
    const path = `/api/groups/${group.id}`;
    const operations = [
      { method: "PATCH", path, body: { name: "h", peers: null }, if_match: headers.etag },
      { method: "DELETE", path, if_match: headers.etag },
    ];
    const refused = await batch(operations);
    assert.equal(refused.body.results[0].status, 200);
    assert.equal(refused.body.results[1].body.error.code, "request.precondition_failed");
    assert.equal((await server.call("GET", `/groups/${group.id}`)).body.name, "g");
    assert.equal((await batch([operations[0], { method: "DELETE", path }])).status, 200);
    assert.equal((await server.call("GET", `/groups/${group.id}`)).status, 404);
  });

  test("a domain does not make others wait for DNS: the first look comes after the batch", async () => {
    server.records.set("validation.apps.test", new Error("nobody may ask"));
    const { body } = await batch([
      {
        method: "POST",
        path: "/api/reverse-proxies/domains",
        body: { domain: "apps.test", target_cluster: CLUSTER },
      },
    ]);
    assert.equal(body.results[0].body.validated, false);
    server.records.set("validation.apps.test", CLUSTER);
    await recheckDomains(server.context, server.dns);
    const domains = (await server.call("GET", "/reverse-proxies/domains?type=custom")).body;
    assert.deepEqual(
      domains.map((domain: { domain: string; validated: boolean }) => [domain.domain, domain.validated]),
      [["apps.test", true]],
    );
  });

  test("every operation needs its own right", async () => {
    const bot = await server.call("POST", "/users", {
      name: "bot",
      role: "network_admin",
      auto_groups: [],
      is_service_user: true,
    });
    const made = await server.call("POST", `/users/${bot.body.id}/tokens`, { name: "t", expires_in: 2 });
    const answer = await server.call(
      "POST",
      "/batch",
      {
        operations: [
          { method: "POST", path: "/api/networks", body: { name: "n" } },
          {
            method: "POST",
            path: "/api/setup-keys",
            body: { name: "k", type: "reusable", expires_in: 86400 },
          },
        ],
      },
      made.body.plain_token,
    );
    assert.deepEqual(
      answer.body.results.map(({ status }: { status: number }) => status),
      [200, 403],
    );
    assert.deepEqual((await server.call("GET", "/networks")).body, []);
  });

  test("what cannot be part of one is named", async () => {
    const operation = { method: "POST", path: "/api/groups", body: { name: "g" } };
    for (const [operations, path] of [
      [[], "operations"],
      [[{ ...operation, path: "/api/batch" }], "operations[0].path"],
      [[operation, { ...operation, path: "/api/setup" }], "operations[1].path"],
      [[{ ...operation, path: "/metrics" }], "operations[0].path"],
      [[{ ...operation, path: "/api/groups?dry_run=true" }], "operations[0].path"],
      [[{ ...operation, if_match: '"x"' }], "operations[0].if_match"],
      [
        [
          { ...operation, ref: "a" },
          { ...operation, ref: "a" },
        ],
        "operations[1].ref",
      ],
      [[{ ...operation, method: "GET" }], "operations[0].method"],
      [Array(201).fill(operation), "operations"],
    ] as const) {
      assert.deepEqual(refusal(await batch([...operations])), { status: 422, code: "request.invalid", path });
    }
    assert.equal((await server.call("POST", "/batch", { operations: [operation] }, null)).status, 401);
  });
});
