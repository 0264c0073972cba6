import assert from "node:assert/strict";
import type { ProxyId } from "@netbird-proxy/proto";
import { AuditEvent } from "@netbird-proxy/proto/rest";
import { appendAuditEvent, type AuditEvent as StoredAuditEvent } from "../../src/store/audit-events.ts";
import { assertConforms, CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

suite("audit events over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await server.call(method, path, body);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.text}`);
    return answer.body;
  };
  const events = async (): Promise<AuditEvent[]> => call("GET", "/events");

  test("every change has its name, its target and its facts", async () => {
    let seen = (await events()).length;
    /** The events of one change, oldest first. */
    const after = async (change: () => Promise<unknown>) => {
      await change();
      const all = await events();
      const fresh = all.slice(0, all.length - seen).reverse();
      seen = all.length;
      return fresh.map(({ activity_code, target_id, meta }) => [activity_code, target_id, meta]);
    };
    let made: { id: string; key?: string };
    const keep = async (promise: Promise<{ id: string }>) => {
      made = await promise;
    };

    const first = (await events()).map(({ activity_code }) => activity_code);
    assert.deepEqual(first, ["personal.access.token.create", "account.create"]);

    let found = await after(() => keep(call("POST", "/peers", { name: "web" })));
    const peer = made!.id;
    const { ip } = await call("GET", `/peers/${peer}`);
    assert.deepEqual(found, [["peer.user.add", peer, { name: "web", ip }]]);

    found = await after(() => keep(call("POST", "/groups", { name: "staff", peers: [peer] })));
    const group = made!.id;
    const staff = { group: "staff", group_id: group };
    assert.deepEqual(found, [
      ["group.add", group, { name: "staff" }],
      ["peer.group.add", peer, staff],
    ]);
    found = await after(() => call("PUT", `/groups/${group}`, { name: "crew" }));
    const crew = { group: "crew", group_id: group };
    assert.deepEqual(found, [
      ["group.update", group, { old_name: "staff", new_name: "crew" }],
      ["peer.group.delete", peer, crew],
    ]);

    const change = {
      name: "web2",
      ssh_enabled: true,
      login_expiration_enabled: false,
      inactivity_expiration_enabled: false,
    };
    found = await after(() => call("PUT", `/peers/${peer}`, change));
    assert.deepEqual(
      found.map(([code, target]) => [code, target]),
      [
        ["peer.rename", peer],
        ["peer.ssh.enable", peer],
      ],
    );

    const key = { name: "ci", type: "reusable", expires_in: 0, auto_groups: [group], usage_limit: 0 };
    found = await after(() => keep(call("POST", "/setup-keys", key)));
    const setupKey = made!.id;
    const preview = `${made!.key!.slice(0, 5)}****`;
    assert.deepEqual(found, [["setupkey.add", setupKey, { name: "ci", type: "reusable", key: preview }]]);
    found = await after(() => call("PUT", `/setup-keys/${setupKey}`, { auto_groups: [], revoked: true }));
    assert.deepEqual(found, [
      ["setupkey.revoke", setupKey, { name: "ci" }],
      ["setupkey.group.delete", setupKey, { group_id: group, setupkey: "ci" }],
    ]);
    found = await after(() => call("DELETE", `/setup-keys/${setupKey}`));
    assert.deepEqual(
      found.map(([code]) => code),
      ["setupkey.delete"],
    );

    found = await after(() => keep(call("POST", "/networks", { name: "lan" })));
    const network = made!.id;
    assert.deepEqual(found, [["network.create", network, { name: "lan" }]]);
    found = await after(() => call("PUT", `/networks/${network}`, { name: "lan2" }));
    assert.deepEqual(found, [["network.update", network, { name: "lan2" }]]);

    const resources = `/networks/${network}/resources`;
    const resource = { name: "db", address: "10.0.0.1/32", enabled: true, groups: [group] };
    found = await after(() => keep(call("POST", resources, resource)));
    const db = made!.id;
    assert.deepEqual(found, [
      ["network.resource.create", db, { name: "db", network_name: "lan2" }],
      ["resource.group.add", db, { name: "db", ...crew }],
    ]);
    found = await after(() => call("PUT", `${resources}/${db}`, resource));
    assert.deepEqual(found, [["network.resource.update", db, { name: "db", network_name: "lan2" }]]);
    found = await after(() => call("PUT", `${resources}/${db}`, { ...resource, groups: [] }));
    assert.deepEqual(found.at(-1), ["resource.group.delete", db, { name: "db", ...crew }]);

    const routers = `/networks/${network}/routers`;
    const router = { peer, metric: 100, masquerade: true, enabled: true };
    found = await after(() => keep(call("POST", routers, router)));
    const routerId = made!.id;
    assert.deepEqual(found, [["network.router.create", routerId, { network_name: "lan2" }]]);
    found = await after(() => call("PUT", `${routers}/${routerId}`, router));
    assert.deepEqual(
      found.map(([code, target]) => [code, target]),
      [["network.router.update", routerId]],
    );

    const service = {
      name: "shop",
      domain: `shop.${CLUSTER}`,
      enabled: true,
      auth: { password_auth: { enabled: true, password: "p" } },
      targets: [
        {
          target_id: peer,
          target_type: "peer",
          protocol: "http",
          port: 80,
          enabled: true,
          options: { request_timeout: "60s" },
        },
      ],
    };
    found = await after(() => keep(call("POST", "/reverse-proxies/services", service)));
    const shop = made!.id;
    const facts = {
      name: "shop",
      domain: `shop.${CLUSTER}`,
      proxy_cluster: CLUSTER,
      source: found[0]![2] && (found[0]![2] as Record<string, string>).source,
      auth: "true",
      mode: "http",
      request_timeout: "1m0s",
    };
    assert.deepEqual(found, [["service.create", shop, facts]]);
    found = await after(() =>
      call("PUT", `/reverse-proxies/services/${shop}`, { ...service, auth: undefined }),
    );
    assert.deepEqual(found, [["service.update", shop, { ...facts, auth: "false" }]]);
    found = await after(() => call("DELETE", `/reverse-proxies/services/${shop}`));
    assert.deepEqual(
      found.map(([code, target]) => [code, target]),
      [["service.delete", shop]],
    );

    const domains = "/reverse-proxies/domains";
    found = await after(() =>
      keep(call("POST", domains, { domain: "example.org", target_cluster: CLUSTER })),
    );
    const domain = made!.id;
    const meta = { domain: "example.org", target_cluster: CLUSTER, validated: "false" };
    assert.deepEqual(found, [["domain.add", domain, meta]]);
    found = await after(() => call("DELETE", `${domains}/${domain}`));
    assert.deepEqual(found, [["domain.delete", domain, meta]]);

    const tokens = "/reverse-proxies/proxy-tokens";
    found = await after(() => keep(call("POST", tokens, { name: "edge" })));
    const token = made!.id;
    assert.deepEqual(found, [["proxy.token.create", token, { name: "edge" }]]);
    found = await after(() => call("DELETE", `${tokens}/${token}`));
    assert.deepEqual(found, [["proxy.token.revoke", token, { name: "edge" }]]);
    found = await after(() => call("DELETE", `${tokens}/${token}`));
    assert.deepEqual(found, [], "it was revoked before");

    const own = "own.example.net";
    await server.connectProxy({ id: "own-proxy" as ProxyId, accountId: server.account, cluster: own });
    found = await after(() => call("DELETE", `/reverse-proxies/clusters/${own}`));
    assert.deepEqual(found, [["cluster.delete", own, { proxies: "1" }]]);

    found = await after(() => call("DELETE", `/networks/${network}`));
    assert.deepEqual(
      found.map(([code, target]) => [code, target]),
      [
        ["network.resource.delete", db],
        ["network.router.delete", routerId],
        ["network.delete", network],
      ],
    );
    found = await after(() => call("DELETE", `/peers/${peer}`));
    assert.deepEqual(
      found.map(([code, target]) => [code, target]),
      [["user.peer.delete", peer]],
    );
    found = await after(() => call("DELETE", `/groups/${group}`));
    assert.deepEqual(found, [["group.delete", group, { name: "crew" }]]);

    for (const event of await events()) {
      assertConforms(AuditEvent, event);
      assert.notEqual(event.activity, event.activity_code);
      assert.equal(event.initiator_email, "owner@example.com");
      assert.equal(event.initiator_name, "Owner");
      assert.match(event.id, /^\d+$/);
    }
    assert.deepEqual(await call("GET", "/events/audit"), await events());
  });

  test("a deleted resource leaves its groups", async () => {
    const group = (await call("POST", "/groups", { name: "g" })).id;
    const network = (await call("POST", "/networks", { name: "lan" })).id;
    const resource = { name: "db", address: "10.0.0.1/32", enabled: true, groups: [group] };
    const { id } = await call("POST", `/networks/${network}/resources`, resource);
    await call("DELETE", `/networks/${network}/resources/${id}`);
    const codes = (await events()).slice(0, 2).map(({ activity_code }) => activity_code);
    assert.deepEqual(codes, ["network.resource.delete", "resource.group.delete"]);
  });

  test("refused changes and dry runs leave no event", async () => {
    const before = (await events()).length;
    await server.call("POST", "/groups?dry_run=true", { name: "g" });
    await server.call("POST", "/groups", { name: "" });
    await server.call("DELETE", "/policies/unknown");
    assert.equal((await events()).length, before);
  });

  const store = async (...changes: Partial<StoredAuditEvent>[]) =>
    server.store.db.transaction(async (trx) => {
      for (const change of changes) {
        await appendAuditEvent(trx, {
          accountId: server.account,
          timestamp: server.nowMs,
          activityCode: "group.add",
          initiatorId: "sys",
          initiatorName: "",
          initiatorEmail: "",
          targetId: "",
          meta: {},
          ...change,
        });
      }
    });

  test("somebody who joined once more is shown once, in the list and not in the export", async () => {
    const join = { activityCode: "user.join", initiatorId: "owner", targetId: "carol" };
    await store(join, { targetId: "g" }, join);
    const joins = (all: AuditEvent[]) => all.filter(({ activity_code: code }) => code === "user.join");
    const [shown, ...more] = joins(await events());
    assert.deepEqual([shown!.target_id, shown!.activity, more], ["carol", "User joined", []]);
    const { text } = await server.call("GET", "/events/audit/export");
    const exported = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditEvent);
    assert.deepEqual(
      joins(exported).map(({ id }) => id),
      [String(Number(shown!.id) - 2), shown!.id],
    );
  });

  test("none are written when they are switched off, and those that are there stay visible", async () => {
    const quiet = await startRestServer({ context: { auditEventsEnabled: false } });
    try {
      await quiet.setUp();
      await quiet.call("POST", "/groups", { name: "g" });
      assert.deepEqual((await quiet.call("GET", "/events")).body, []);
      const event = { activityCode: "group.add", targetId: "g", meta: {}, timestamp: 1 };
      const initiator = { initiatorId: "sys", initiatorName: "", initiatorEmail: "" };
      await appendAuditEvent(quiet.store.db, { accountId: quiet.account, ...event, ...initiator });
      assert.equal((await quiet.call("GET", "/events")).body.length, 1);
    } finally {
      await quiet.close();
    }
  });

  test("the newest 10,000 are shown", async () => {
    await store(...Array.from({ length: 10_001 }, (_, n) => ({ targetId: `g${n}` })));
    const shown = await events();
    assert.deepEqual([shown.length, shown[0]!.target_id, shown.at(-1)!.target_id], [10_000, "g10000", "g1"]);
  });
});
