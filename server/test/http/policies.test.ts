import assert from "node:assert/strict";
import { Policy } from "@netbird-proxy/proto/rest";
import {
  type Answer,
  assertConforms,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

suite("policies over REST", () => {
  let server: RestServer;
  let staff: string;
  let servers: string;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    staff = (await server.call("POST", "/groups", { name: "staff" })).body.id;
    servers = (await server.call("POST", "/groups", { name: "servers" })).body.id;
  });
  teardown(() => server.close());

  const rule = (change = {}) => ({
    name: "web",
    enabled: true,
    bidirectional: false,
    action: "accept",
    protocol: "tcp",
    sources: [staff],
    destinations: [servers],
    ...change,
  });
  const request = (change = {}, ruleChange = {}) => ({
    name: "staff to servers",
    enabled: true,
    rules: [rule(ruleChange)],
    ...change,
  });
  const summary = (id: string, name: string) => ({ id, name, peers_count: 0, resources_count: 0 });
  const events = async () =>
    (await server.call("GET", "/events")).body
      .filter(({ activity_code }: { activity_code: string }) => activity_code.startsWith("policy."))
      .map((event: Record<string, unknown>) => [event.activity_code, event.target_id, event.meta]);

  test("a new account has the policy Default, whose rule has the policy's id", async () => {
    const [all] = (await server.call("GET", "/groups?name=All")).body;
    const { body } = await server.call("GET", "/policies");
    for (const policy of body) assertConforms(Policy, policy);
    const { id, name, enabled, rules } = body[0];
    assert.deepEqual([body.length, name, enabled, rules.length], [1, "Default", true, 1]);
    const everybody = [summary(all.id, "All")];
    const { description: _, ...only } = rules[0];
    assert.deepEqual(only, {
      id,
      name: "Default",
      enabled: true,
      bidirectional: true,
      action: "accept",
      protocol: "all",
      sources: everybody,
      destinations: everybody,
    });
  });

  test("are made, read, replaced and deleted, with an event for each change", async () => {
    const made = (await server.call("POST", "/policies", request({ source_posture_checks: ["gone"] }))).body;
    assertConforms(Policy, made);
    assert.deepEqual(made, {
      id: made.id,
      name: "staff to servers",
      description: "",
      enabled: true,
      source_posture_checks: [],
      rules: [
        {
          id: made.id,
          name: "web",
          description: "",
          enabled: true,
          bidirectional: false,
          action: "accept",
          protocol: "tcp",
          sources: [summary(staff, "staff")],
          destinations: [summary(servers, "servers")],
        },
      ],
    });
    assert.deepEqual((await server.call("GET", `/policies/${made.id}`)).body, made);

    const unchanged = await server.call("PUT", `/policies/${made.id}`, request());
    assert.deepEqual([unchanged.status, unchanged.body], [200, made]);
    const replaced = (await server.call("PUT", `/policies/${made.id}`, { name: "n", rules: [rule()] })).body;
    assert.deepEqual([replaced.name, replaced.enabled, replaced.rules[0].id], ["n", false, made.id]);
    assert.deepEqual((await server.call("DELETE", `/policies/${made.id}`)).body, {});

    assert.deepEqual(await events(), [
      ["policy.delete", made.id, { name: "n" }],
      ["policy.update", made.id, { name: "n" }],
      ["policy.add", made.id, { name: "staff to servers" }],
    ]);
    for (const method of ["GET", "PUT", "DELETE"]) {
      const gone: Answer = await server.call(
        method,
        `/policies/${made.id}`,
        method === "PUT" ? request() : undefined,
      );
      assert.deepEqual(refusal(gone), { status: 404, code: "policy.not_found", path: "" }, method);
      assert.match(gone.body.message, /not found/);
    }
  });

  test("what is sent comes back in the form that clients expect", async () => {
    const host = { id: "anything", type: "host" };
    const cases: [string, Record<string, unknown>, Record<string, unknown>, string[]][] = [
      ["drop", { action: "drop" }, { action: "drop" }, ["ports", "port_ranges", "authorized_groups"]],
      ["ports", { ports: ["80", "65535"] }, { ports: ["80", "65535"] }, ["port_ranges"]],
      [
        "ranges",
        { protocol: "udp", port_ranges: [{ start: 1, end: 65535 }] },
        { port_ranges: [{ start: 1, end: 65535 }] },
        ["ports"],
      ],
      ["no ports", { ports: [], port_ranges: [] }, {}, ["ports", "port_ranges"]],
      ["icmp", { protocol: "icmp" }, { protocol: "icmp" }, []],
      ["all", { protocol: "all", bidirectional: true }, { protocol: "all", bidirectional: true }, []],
      [
        "a source resource",
        { sources: undefined, sourceResource: host },
        { sources: null, sourceResource: host },
        ["destinationResource"],
      ],
      [
        "a destination resource",
        { destinations: undefined, destinationResource: host },
        { destinations: null, destinationResource: host },
        ["sourceResource"],
      ],
      ["null is absent", { sources: null, sourceResource: host }, { sources: null }, []],
      ["unknown groups", { sources: ["gone"] }, { sources: [] }, ["sourceResource"]],
      ["no groups", { destinations: [] }, { destinations: [] }, ["destinationResource"]],
      ["twice the same", { sources: [staff, staff] }, { sources: [summary(staff, "staff")] }, []],
      [
        "local users",
        { protocol: "netbird-ssh", authorized_groups: { [staff]: ["root"] } },
        { protocol: "netbird-ssh", authorized_groups: { [staff]: ["root"] } },
        [],
      ],
      ["no local users", { authorized_groups: {} }, {}, ["authorized_groups"]],
      ["a description", { description: "d" }, { description: "d" }, []],
      ["no name", { name: undefined }, { name: "" }, []],
      [
        "flags",
        { enabled: undefined, bidirectional: undefined },
        { enabled: false, bidirectional: false },
        [],
      ],
      ["an id on POST", { id: "mine" }, {}, []],
    ];
    for (const [what, sent, expected, absent] of cases) {
      const { status, body, text } = await server.call("POST", "/policies", request({}, sent));
      assert.equal(status, 200, `${what}: ${text}`);
      assertConforms(Policy, body);
      const [made] = body.rules;
      for (const [key, value] of Object.entries({ id: body.id, ...expected })) {
        assert.deepEqual(made[key], value, `${what}: ${key}`);
      }
      for (const key of absent) assert.equal(key in made, false, `${what}: ${key}`);
      assert.deepEqual((await server.call("GET", `/policies/${body.id}`)).body, body);
    }
  });

  test("rules keep the ids that a PUT names", async () => {
    const two = (
      await server.call("POST", "/policies", request({ rules: [rule(), rule({ name: "second" })] }))
    ).body;
    const [first, second] = two.rules;
    assert.equal(first.id, two.id);
    assert.notEqual(second.id, first.id);
    const put = (rules: unknown[]) => server.call("PUT", `/policies/${two.id}`, request({ rules }));
    const kept = (await put([rule({ id: second.id })])).body;
    assert.equal(kept.rules[0].id, second.id);
    assert.deepEqual(refusal(await put([rule({ id: first.id })])), {
      status: 422,
      code: "policy.invalid",
      path: "rules[0].id",
    });
    assert.equal((await put([rule({ id: second.id }), rule({ id: second.id })])).status, 422);
    assert.equal((await put([rule()])).body.rules[0].id, two.id);
  });

  test("bad requests are refused and leave nothing", async () => {
    const made = (await server.call("POST", "/policies", request())).body;
    const before = await contents(server.store);
    const resource = { id: "r", type: "host" };
    const cases: [Record<string, unknown>, string][] = [
      [request({ name: "" }), "name"],
      [request({ name: undefined }), "name"],
      [request({ rules: [] }), "rules"],
      [request({ rules: undefined }), "rules"],
      [request({}, { action: "reject" }), "rules[0].action"],
      [request({}, { action: undefined }), "rules[0].action"],
      [request({}, { protocol: "sctp" }), "rules[0].protocol"],
      [request({}, { protocol: undefined }), "rules[0].protocol"],
      [request({}, { sources: undefined }), "rules[0].sources"],
      [request({}, { sourceResource: resource }), "rules[0].sourceResource"],
      [request({}, { destinations: undefined }), "rules[0].destinations"],
      [request({}, { destinationResource: resource }), "rules[0].destinationResource"],
      [request({}, { ports: ["80"], port_ranges: [{ start: 1, end: 2 }] }), "rules[0].port_ranges"],
      [request({}, { ports: ["0"] }), "rules[0].ports[0]"],
      [request({}, { ports: ["80", "65536"] }), "rules[0].ports[1]"],
      [request({}, { ports: ["http"] }), "rules[0].ports[0]"],
      [request({}, { port_ranges: [{ start: 0, end: 2 }] }), "rules[0].port_ranges[0].start"],
      [request({}, { port_ranges: [{ start: 1, end: 65536 }] }), "rules[0].port_ranges[0].end"],
      [request({}, { port_ranges: [{ start: 3, end: 2 }] }), "rules[0].port_ranges[0].end"],
      [request({}, { protocol: "all", ports: ["80"] }), "rules[0].ports"],
      [request({}, { protocol: "icmp", port_ranges: [{ start: 1, end: 2 }] }), "rules[0].port_ranges"],
      [request({}, { authorized_groups: { [staff]: [] } }), "rules[0].authorized_groups"],
      [
        request({}, { protocol: "netbird-ssh", authorized_groups: { [servers]: ["root"] } }),
        "rules[0].authorized_groups",
      ],
      [request({ rules: [rule(), rule({ ports: ["x"] })] }), "rules[1].ports[0]"],
    ];
    for (const [body, path] of cases) {
      for (const [method, url] of [
        ["POST", "/policies"],
        ["PUT", `/policies/${made.id}`],
      ] as const) {
        const answer = await server.call(method, url, body);
        const expected = { status: 422, code: "policy.invalid", path };
        assert.deepEqual(refusal(answer), expected, `${method} ${JSON.stringify(body)}`);
      }
    }
    for (const body of ["{", { name: 1 }, request({}, { ports: [80] }), request({}, { sources: "x" })]) {
      assert.equal((await server.call("POST", "/policies", body)).status, 400, JSON.stringify(body));
    }
    assert.deepEqual(await contents(server.store), before);
  });

  test("a dry run keeps nothing", async () => {
    const made = (await server.call("POST", "/policies", request())).body;
    const before = await contents(server.store);
    assert.equal((await server.call("POST", "/policies?dry_run=true", request())).status, 200);
    const changed = await server.call("PUT", `/policies/${made.id}?dry_run=true`, request({ name: "n" }));
    assert.equal(changed.body.name, "n");
    assert.equal((await server.call("DELETE", `/policies/${made.id}?dry_run=true`)).status, 200);
    assert.deepEqual(await contents(server.store), before);
  });

  test("a group that a policy names stays until the policy is gone", async () => {
    const made = (await server.call("POST", "/policies", request())).body;
    const refused = await server.call("DELETE", `/groups/${staff}`);
    assert.deepEqual(refusal(refused), { status: 400, code: "group.in_use", path: "" });
    assert.match(refused.body.message, /staff to servers/);
    await server.call("DELETE", `/policies/${made.id}`);
    assert.equal((await server.call("DELETE", `/groups/${staff}`)).status, 200);
  });

  test("a deleted peer takes the policies along that name it", async () => {
    const peer = (await server.call("POST", "/peers", { name: "web" })).body;
    const aboutPeer = { destinations: undefined, destinationResource: { id: peer.id, type: "peer" } };
    const gone = (await server.call("POST", "/policies", request({ name: "gone" }, aboutPeer))).body;
    const kept = (await server.call("POST", "/policies", request())).body;
    await server.call("DELETE", `/peers/${peer.id}`);
    const left = (await server.call("GET", "/policies")).body.map(({ id }: { id: string }) => id);
    assert.deepEqual([left.includes(gone.id), left.includes(kept.id)], [false, true]);
    assert.deepEqual((await events())[0], ["policy.delete", gone.id, { name: "gone" }]);
  });

  test("who may", async () => {
    const tokenOf = async (role: string) => {
      const user = (await server.call("POST", "/users", { name: role, role, is_service_user: true })).body;
      const path = `/users/${user.id}/tokens`;
      return (await server.call("POST", path, { name: "t", expires_in: 1 })).body.plain_token;
    };
    const made = (await server.call("POST", "/policies", request())).body;
    const networkAdmin = await tokenOf("network_admin");
    assert.equal((await server.call("POST", "/policies", request(), networkAdmin)).status, 200);
    const auditor = await tokenOf("auditor");
    assert.equal((await server.call("GET", "/policies", undefined, auditor)).status, 200);
    const one = `/policies/${made.id}`;
    for (const [method, path, body] of [
      ["POST", "/policies", request()],
      ["PUT", one, request()],
      ["DELETE", one, undefined],
      ["PUT", "/policies/unknown", request()],
    ] as const) {
      const answer = await server.call(method, path, body, auditor);
      assert.deepEqual(refusal(answer), { status: 403, code: "auth.permission_denied", path: "" }, method);
    }
  });

  test("an account of the first version gets what new ones have", async () => {
    const [all] = (await server.call("GET", "/groups?name=All")).body;
    const { db } = server.store;
    const { up, down } = await import("../../src/store/migrations/0002-policies-and-onboarding.ts");
    await db.transaction(async (trx) => {
      await down(trx);
      await up(trx);
    });
    const { body } = await server.call("GET", "/policies");
    for (const policy of body) assertConforms(Policy, policy);
    assert.deepEqual(
      body.map(({ name, rules }: Policy) => [name, rules[0]?.sources?.[0]?.id, rules[0]?.protocol]),
      [["Default", all.id, "all"]],
    );
  });
});
