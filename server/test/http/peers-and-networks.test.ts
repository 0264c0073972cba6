import assert from "node:assert/strict";
import { NetworkResource, NetworkRouter, Peer, PeerCreated, PeerListItem } from "@netbird-proxy/proto/rest";
import { addPeer } from "../../src/commands/add-peer.ts";
import { runCommand } from "../../src/commands/command.ts";
import { systemActor } from "../../src/commands/context.ts";
import { isWireguardKey, newWireguardKeyPair } from "../../src/secrets/wireguard-key.ts";
import { getNetworkResource } from "../../src/store/network-resources.ts";
import { readRevisionsAfter } from "../../src/store/revisions.ts";
import {
  assertConforms,
  CLUSTER,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

suite("peers over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const addProxyPeer = (name: string, wireguardEndpoint: string) =>
    runCommand(server.context, systemActor(server.account), (work) =>
      addPeer(work, server.account, server.context.random, {
        kind: "proxy",
        name,
        publicKey: newWireguardKeyPair().publicKey,
        proxyId: name,
        cluster: CLUSTER,
        wireguardEndpoint,
      }),
    );

  test("a peer reaches no other peer", async () => {
    const peer = (await server.call("POST", "/peers", { name: "web" })).body;
    await server.call("POST", "/peers", { name: "db" });
    assert.deepEqual((await server.call("GET", `/peers/${peer.id}/accessible-peers`)).body, []);
    assert.equal((await server.call("GET", "/peers/nobody/accessible-peers")).status, 404);
  });

  test("a stock device is registered with its own key and gets a wg-quick file", async () => {
    const proxy = await addProxyPeer("proxy-1", "proxy.example.net:51820");
    await addProxyPeer("proxy-2", "");
    const { publicKey } = newWireguardKeyPair();
    const made = (await server.call("POST", "/peers", { name: "router", public_key: publicKey })).body;
    assertConforms(PeerCreated, made);
    assert.deepEqual(
      [made.kind, made.public_key, made.private_key, made.connected],
      ["wireguard", publicKey, undefined, false],
    );
    assert.deepEqual(
      made.groups.map((group: { name: string }) => group.name),
      ["All"],
    );
    const config = await server.call("GET", `/peers/${made.id}/wireguard-config`);
    assert.equal(config.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(
      config.text,
      `[Interface]
PrivateKey = <insert the private key of this device>
Address = ${made.ip}/32, ${made.ipv6}/128

[Peer]
# proxy-1
PublicKey = ${proxy.publicKey}
Endpoint = proxy.example.net:51820
AllowedIPs = ${proxy.ip}/32, ${proxy.ipv6}/128
PersistentKeepalive = 25
`,
    );
    assert.equal(made.wireguard_config, config.text);
  });

  test("without a public key the server makes the pair and shows the private key once", async () => {
    const made = (await server.call("POST", "/peers", { name: "phone", preshared_key: true })).body;
    await addProxyPeer("proxy-1", "proxy.example.net:51820");
    assert.ok(isWireguardKey(made.private_key));
    assert.match(
      made.wireguard_config,
      new RegExp(`PrivateKey = ${made.private_key.replaceAll("+", "\\+")}`),
    );
    const config = (await server.call("GET", `/peers/${made.id}/wireguard-config`)).text;
    const shared = /PresharedKey = (.+)/.exec(config)?.[1];
    assert.ok(shared && isWireguardKey(shared));
    const stored = JSON.stringify(await contents(server.store));
    assert.ok(!stored.includes(made.private_key), "the private key is not kept");
    assert.ok(!stored.includes(shared), "the preshared key is sealed");
  });

  test("a device is connected while its handshake is fresh", async () => {
    const made = (await server.call("POST", "/peers", { name: "phone" })).body;
    await server.store
      .db("peers")
      .where({ id: made.id })
      .update({ latest_handshake: server.nowMs - 60_000 });
    assert.equal((await server.call("GET", `/peers/${made.id}`)).body.connected, true);
    server.nowMs += 180_000;
    assert.equal((await server.call("GET", `/peers/${made.id}`)).body.connected, false);
  });

  test("lists filter by parts of name and address, and hide the proxies' own peers", async () => {
    await addProxyPeer("proxy-1", "");
    const web = (await server.call("POST", "/peers", { name: "web" })).body;
    await server.call("POST", "/peers", { name: "db" });
    const names = async (query: string) =>
      (await server.call("GET", `/peers${query}`)).body.map((peer: { name: string }) => peer.name);
    assert.deepEqual(await names(""), ["web", "db"]);
    assert.deepEqual(await names("?name=we"), ["web"]);
    assert.deepEqual(await names(`?ip=${web.ip}`), ["web"]);
    for (const peer of (await server.call("GET", "/peers")).body) assertConforms(PeerListItem, peer);
  });

  test("a new name changes the DNS label, a new address the mappings of its services", async () => {
    const web = (await server.call("POST", "/peers", { name: "web" })).body;
    const service = (
      await server.call("POST", "/reverse-proxies/services", {
        name: "s",
        domain: `s.${CLUSTER}`,
        targets: [{ target_id: web.id, target_type: "peer", protocol: "http", port: 80 }],
      })
    ).body;
    const ip = web.ip.endsWith(".77") ? web.ip.replace(/\d+$/, "78") : web.ip.replace(/\d+$/, "77");
    const changed = (await server.call("PUT", `/peers/${web.id}`, { name: "Web Two", ip, ssh_enabled: true }))
      .body;
    assertConforms(Peer, changed);
    assert.deepEqual(
      [changed.ip, changed.dns_label, changed.ssh_enabled],
      [ip, "web-two.netbird.selfhosted", true],
    );
    const after = await readRevisionsAfter(server.store.db, service.meta.revision, 10);
    assert.deepEqual(
      after.map(({ kind, objectId }) => [kind, objectId]),
      [
        ["tunnel", web.id],
        ["service", service.id],
      ],
    );
    const read = (await server.call("GET", `/reverse-proxies/services/${service.id}`)).body;
    assert.deepEqual([read.targets[0].host, read.meta.revision], [ip, after[1]!.revision]);
  });

  test("bad requests are refused and leave nothing", async () => {
    const { publicKey } = newWireguardKeyPair();
    const web = (await server.call("POST", "/peers", { name: "web", public_key: publicKey })).body;
    const other = (await server.call("POST", "/peers", { name: "other" })).body;
    await server.call("POST", "/reverse-proxies/services", {
      name: "shop",
      domain: `s.${CLUSTER}`,
      targets: [{ target_id: web.id, target_type: "peer", protocol: "http", port: 80 }],
    });
    const proxy = await addProxyPeer("proxy-1", "");
    const before = await contents(server.store);
    const cases: [string, string, unknown, number, string, string][] = [
      ["POST", "/peers", { name: " " }, 422, "peer.invalid", "name"],
      ["POST", "/peers", { name: "x", public_key: "abc" }, 422, "peer.invalid", "public_key"],
      ["POST", "/peers", { name: "x", public_key: publicKey }, 409, "peer.key_taken", "public_key"],
      ["POST", "/peers", { name: "x", groups: ["g"] }, 422, "peer.invalid", "groups[0]"],
      ["PUT", `/peers/${web.id}`, { name: "" }, 422, "peer.invalid", "name"],
      ["PUT", `/peers/${web.id}`, { name: "web", ip: "10.0.0.1" }, 422, "peer.invalid", "ip"],
      ["PUT", `/peers/${web.id}`, { name: "web", ip: other.ip }, 422, "peer.invalid", "ip"],
      ["PUT", `/peers/${web.id}`, { name: "web", ipv6: "::1" }, 422, "peer.invalid", "ipv6"],
      ["DELETE", `/peers/${web.id}`, undefined, 412, "peer.in_use", ""],
      ["GET", `/peers/${proxy.id}`, undefined, 404, "peer.not_found", ""],
      ["DELETE", `/peers/${proxy.id}`, undefined, 404, "peer.not_found", ""],
    ];
    for (const [method, path, body, status, code, at] of cases) {
      const answer = await server.call(method, path, body);
      assert.deepEqual(refusal(answer), { status, code, path: at }, `${path} ${JSON.stringify(body)}`);
      assert.notEqual(answer.body.error.hint, "");
    }
    assert.deepEqual(await contents(server.store), before);
    assert.match((await server.call("DELETE", `/peers/${web.id}`)).body.message, /shop/);
    assert.deepEqual((await server.call("DELETE", `/peers/${other.id}`)).body, {});
  });
});

suite("networks over REST", () => {
  let server: RestServer;
  let peer = "";
  let network = "";
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    peer = (await server.call("POST", "/peers", { name: "gateway" })).body.id;
    network = (await server.call("POST", "/networks", { name: "office" })).body.id;
  });
  teardown(() => server.close());

  const resource = (change = {}) => ({
    name: "db",
    address: "10.0.0.5",
    enabled: true,
    groups: [],
    ...change,
  });
  const addResource = async (change = {}) =>
    (await server.call("POST", `/networks/${network}/resources`, resource(change))).body;
  const addService = (target: object) =>
    server.call("POST", "/reverse-proxies/services", {
      name: "s",
      domain: `s.${CLUSTER}`,
      targets: [{ protocol: "http", port: 80, ...target }],
    });

  test("the type of a resource follows from its address", async () => {
    const kinds = [
      ["10.0.0.5", "host", "10.0.0.5/32"],
      ["10.0.1.5/32", "host", "10.0.1.5/32"],
      ["2001:db8::5", "host", "2001:db8::5/128"],
      ["10.1.0.0/16", "subnet", "10.1.0.0/16"],
      ["2001:db8::/32", "subnet", "2001:db8::/32"],
      ["db.internal", "domain", "db.internal"],
      ["*.internal", "domain", "*.internal"],
    ] as const;
    for (const [address, type, stored] of kinds) {
      const made = await addResource({ name: address, address });
      assertConforms(NetworkResource, made);
      assert.deepEqual([made.type, made.address, made.groups], [type, stored, null]);
      const row = await getNetworkResource(server.store.db, server.account, made.id);
      assert.equal(row?.virtualIp !== null, type === "domain", "a domain gets an address that stands for it");
    }
    assert.equal((await server.call("GET", "/networks/resources")).body.length, kinds.length);
    assert.equal((await server.call("GET", `/networks/${network}`)).body.resources.length, kinds.length);
  });

  test("services can target hosts, subnets and domains, whose addresses they show", async () => {
    const host = await addResource();
    const subnet = await addResource({ name: "net", address: "10.1.0.0/16" });
    const domain = await addResource({ name: "name", address: "db.internal" });
    const targets = [
      { target_id: host.id, target_type: "host", path: "/a" },
      { target_id: subnet.id, target_type: "subnet", path: "/b", host: "10.1.2.3" },
      { target_id: domain.id, target_type: "domain", path: "/c" },
    ];
    const made = await server.call("POST", "/reverse-proxies/services", {
      name: "s",
      domain: `s.${CLUSTER}`,
      targets: targets.map((target) => ({ protocol: "http", port: 80, ...target })),
    });
    assert.equal(made.status, 200, made.text);
    assert.deepEqual(
      made.body.targets.map(({ host }: { host: string }) => host),
      ["10.0.0.5", "10.1.2.3", "db.internal"],
    );
  });

  test("targets that no proxy could dial are refused", async () => {
    const host = await addResource();
    const subnet = await addResource({ name: "net", address: "10.1.0.0/16" });
    const wildcard = await addResource({ name: "any", address: "*.internal" });
    const cases: [object, string, string][] = [
      [
        { target_id: host.id, target_type: "subnet", host: "10.0.0.5" },
        "service.target_type_mismatch",
        "targets[0].target_type",
      ],
      [
        { target_id: subnet.id, target_type: "subnet", host: "10.2.0.1" },
        "service.invalid",
        "targets[0].host",
      ],
      [{ target_id: wildcard.id, target_type: "domain" }, "service.invalid", "targets[0].target_id"],
    ];
    for (const [target, code, path] of cases) {
      assert.deepEqual(refusal(await addService(target)), { status: 422, code, path });
    }
  });

  test("what a service targets cannot be taken from under it", async () => {
    const host = await addResource();
    assert.equal((await addService({ target_id: host.id, target_type: "host" })).status, 200);
    const before = await contents(server.store);
    const at = `/networks/${network}/resources/${host.id}`;
    const cases: [string, string, unknown, string][] = [
      ["DELETE", at, undefined, ""],
      ["DELETE", `/networks/${network}`, undefined, ""],
      ["PUT", at, resource({ address: "10.1.0.0/16" }), "address"],
    ];
    for (const [method, path, body, field] of cases) {
      const answer = await server.call(method, path, body);
      assert.deepEqual(refusal(answer), { status: 412, code: "network.in_use", path: field });
    }
    assert.deepEqual(await contents(server.store), before);
    const moved = await server.call("PUT", at, resource({ address: "10.0.0.6" }));
    assert.deepEqual([moved.status, moved.body.address], [200, "10.0.0.6/32"]);
  });

  test("routers are a peer or groups, and honour enabled from the start", async () => {
    const [all] = (await server.call("GET", "/groups?name=All")).body;
    const routers = `/networks/${network}/routers`;
    const byPeer = (
      await server.call("POST", routers, { peer, metric: 100, masquerade: true, enabled: false })
    ).body;
    assertConforms(NetworkRouter, byPeer);
    assert.deepEqual(byPeer, {
      id: byPeer.id,
      peer,
      peer_groups: null,
      metric: 100,
      masquerade: true,
      enabled: false,
    });
    const byGroup = (
      await server.call("POST", routers, { peer_groups: [all.id], metric: 200, enabled: true })
    ).body;
    assert.deepEqual([byGroup.peer, byGroup.peer_groups], ["", [all.id]]);
    assert.equal((await server.call("GET", `/networks/${network}`)).body.routing_peers_count, 2);
    assert.equal((await server.call("GET", "/networks/routers")).body.length, 2);
    assert.equal((await server.call("DELETE", `/peers/${peer}`)).status, 412);
    assert.deepEqual((await server.call("DELETE", `${routers}/${byPeer.id}`)).body, {});
  });

  test("bad requests are refused and leave nothing", async () => {
    await addResource();
    const before = await contents(server.store);
    const resources = `/networks/${network}/resources`;
    const routers = `/networks/${network}/routers`;
    const cases: [string, string, unknown, number, string, string][] = [
      ["POST", resources, resource({ name: "x", address: "nonsense!" }), 422, "network.invalid", "address"],
      ["POST", resources, resource({ name: "x", address: "" }), 422, "network.invalid", "address"],
      ["POST", resources, resource(), 422, "network.invalid", "name"],
      ["POST", resources, resource({ name: "x", groups: ["g"] }), 422, "network.invalid", "groups[0]"],
      ["POST", "/networks/nothing/resources", resource({ name: "x" }), 404, "network.not_found", ""],
      ["POST", routers, { metric: 1 }, 400, "request.malformed", "peer"],
      ["POST", routers, { peer, peer_groups: ["g"], metric: 1 }, 400, "request.malformed", "peer"],
      ["POST", routers, { peer: "nobody", metric: 1 }, 422, "network.invalid", "peer"],
      ["POST", routers, { peer, metric: 10_000 }, 422, "network.invalid", "metric"],
      ["GET", `${routers}/nothing`, undefined, 404, "network.not_found", ""],
      ["GET", `${resources}/nothing`, undefined, 404, "network.not_found", ""],
      ["PUT", "/networks/nothing", { name: "x" }, 404, "network.not_found", ""],
    ];
    for (const [method, path, body, status, code, at] of cases) {
      const answer = await server.call(method, path, body);
      assert.deepEqual(refusal(answer), { status, code, path: at }, `${path} ${JSON.stringify(body)}`);
    }
    assert.deepEqual(await contents(server.store), before);
  });

  test("empties are what the reference's clients expect", async () => {
    assert.equal((await server.call("GET", `/networks/${network}/resources`)).text, "null\n");
    assert.equal((await server.call("GET", `/networks/${network}/routers`)).text, "[]\n");
    const { routers, resources, policies } = (await server.call("GET", `/networks/${network}`)).body;
    assert.deepEqual([routers, resources, policies], [null, null, []]);
    const fresh = (await server.call("POST", "/networks", { name: "new" })).body;
    assert.deepEqual([fresh.routers, fresh.resources, fresh.description], [[], [], ""]);
    await server.call("POST", `/networks/${network}/resources`, resource());
    assert.deepEqual((await server.call("DELETE", `/networks/${network}`)).body, {});
    assert.deepEqual((await server.call("GET", "/networks/resources")).body, []);
  });
});
