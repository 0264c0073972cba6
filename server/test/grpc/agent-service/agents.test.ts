import assert from "node:assert/strict";
import { type Metadata, type ServiceError, status as Status } from "@grpc/grpc-js";
import type { agent } from "@netbird-proxy/proto/grpc";
import { createGroup } from "../../../src/commands/groups.ts";
import { createResource } from "../../../src/commands/network-resources.ts";
import { createRouter } from "../../../src/commands/network-routers.ts";
import { createNetwork } from "../../../src/commands/networks.ts";
import { registerDevice, removePeer } from "../../../src/commands/peers.ts";
import { createService, removeService, updateService } from "../../../src/commands/services.ts";
import { changeSetupKey, createSetupKey, type SetupKeyDraft } from "../../../src/commands/setup-keys.ts";
import { sweep } from "../../../src/reconcile/sweep.ts";
import { listGroupsOfPeer } from "../../../src/store/find-peer.ts";
import { getPeer, listPeers, updatePeer } from "../../../src/store/peers.ts";
import { getSetupKey } from "../../../src/store/setup-keys.ts";
import {
  answer,
  bearer,
  CLUSTER,
  type ControlPlane,
  clientsOf,
  connectScriptedProxy,
  directTarget,
  eventually,
  Inbox,
  newKey,
  openTunnels,
  serviceRequest,
  startControlPlane,
} from "../../support/control-plane.ts";

suite("agents", () => {
  let plane: ControlPlane;
  let clients: ReturnType<typeof clientsOf>;
  setup(async () => {
    plane = await startControlPlane();
    clients = clientsOf(plane);
  });
  teardown(() => plane.close());

  async function setupKey(change: Partial<SetupKeyDraft> = {}) {
    return createSetupKey(plane.context, plane.actor, {
      name: "key",
      type: "reusable",
      expiresInSeconds: 3600,
      autoGroups: [],
      usageLimit: 0,
      ephemeral: false,
      allowExtraDnsLabels: false,
      ...change,
    });
  }

  const enroll = (setupKey: string, change: Partial<agent.EnrollRequest> = {}) =>
    answer<agent.EnrollResponse>((done) =>
      clients.agentService.enroll(
        { setupKey, publicKey: newKey(), meta: meta("web"), name: "", ...change },
        done,
      ),
    );

  const meta = (hostname: string): agent.PeerMeta => ({
    hostname,
    os: "linux",
    kernelVersion: "6.1",
    version: "0.1.0",
    architecture: "amd64",
  });

  async function refusal(call: Promise<unknown>): Promise<{ code: number; error: Record<string, string> }> {
    const error = await call.then(
      () => assert.fail("it was not refused"),
      (error: ServiceError) => error,
    );
    return {
      code: error.code,
      error: JSON.parse(String((error.metadata as Metadata).get("netbird-error")[0])),
    };
  }

  function openSync(token: string, publicKey = "") {
    const call = clients.agentService.sync(bearer(token));
    call.on("error", () => {});
    plane.cleanUps.push(() => call.cancel());
    const inbox = new Inbox<agent.AgentState>(call);
    call.write({ msg: { $case: "hello", value: { meta: meta("web"), publicKey } } });
    return { inbox, cancel: () => call.cancel() };
  }

  suite("enrolling", () => {
    test("gives an address, a token and a place in All and the key's groups", async () => {
      const group = await createGroup(plane.context, plane.actor, { name: "web", peers: [], resources: [] });
      const key = await setupKey({ autoGroups: [group.id] });
      const publicKey = newKey();
      const joined = await enroll(key.plain, { publicKey });
      assert.match(joined.token, /^nba_[0-9A-Za-z]{36}$/);
      assert.match(joined.address, /^100\./);
      assert.match(joined.addressV6, /^fd/);
      const peer = await getPeer(plane.store.db, plane.account, joined.peerId);
      assert.deepEqual(
        [peer?.kind, peer?.name, peer?.dnsLabel, peer?.publicKey, peer?.os, peer?.connectionIp],
        ["agent", "web", "web", publicKey, "linux", "127.0.0.1"],
      );
      assert.notEqual(peer?.agentTokenHash, joined.token);
      const groups = await listGroupsOfPeer(plane.store.db, joined.peerId);
      assert.deepEqual(groups.map(({ name }) => name).sort(), ["All", "web"]);
      assert.equal((await getSetupKey(plane.store.db, plane.account, key.key.id))?.usedTimes, 1);
    });

    test("the same key again is the same peer with a new token, and does not spend the setup key twice", async () => {
      const key = await setupKey({ type: "one-off" });
      const publicKey = newKey();
      const first = await enroll(key.plain, { publicKey });
      const again = await enroll(key.plain, { publicKey });
      assert.equal(again.peerId, first.peerId);
      assert.notEqual(again.token, first.token);
      assert.equal((await getSetupKey(plane.store.db, plane.account, key.key.id))?.usedTimes, 1);
      const old = openSync(first.token);
      assert.equal(((await old.inbox.end()) as ServiceError).code, Status.UNAUTHENTICATED);
      assert.equal((await openSync(again.token).inbox.next()).peerId, first.peerId);
    });

    test("a used-up key of another peer does not hand out somebody's token", async () => {
      const publicKey = newKey();
      await enroll((await setupKey()).plain, { publicKey });
      const spent = await setupKey({ type: "one-off" });
      await enroll(spent.plain);
      const { error } = await refusal(enroll(spent.plain, { publicKey }));
      assert.equal(error.code, "setup_key.overused");
    });

    test("names stay apart", async () => {
      const { plain } = await setupKey();
      const names = [];
      for (const name of ["", "", "db.internal"]) {
        const { peerId } = await enroll(plain, { name });
        const peer = (await getPeer(plane.store.db, plane.account, peerId))!;
        names.push(peer.name);
        assert.ok(peer.dnsLabel.length > 0);
      }
      assert.deepEqual(names, ["web", "web-2", "db.internal"]);
      assert.equal(new Set((await listPeers(plane.store.db, plane.account)).map((p) => p.dnsLabel)).size, 3);
    });

    test("twenty at once never use a key more often than it may be", async () => {
      const key = await setupKey({ usageLimit: 7 });
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => enroll(key.plain)));
      assert.equal(results.filter(({ status }) => status === "fulfilled").length, 7);
      assert.equal((await getSetupKey(plane.store.db, plane.account, key.key.id))?.usedTimes, 7);
    });

    test("an unknown key is not found; too many of them are told to wait, and a good one still works", async () => {
      assert.deepEqual(await refusal(enroll("00000000-0000-0000-0000-000000000000")), {
        code: Status.NOT_FOUND,
        error: {
          code: "setup_key.not_found",
          message: "the setup key is unknown",
          hint: "Check the setup key, or make a new one.",
        },
      });
      for (let n = 0; n < 4; n += 1) await refusal(enroll(`unknown-${n}`));
      assert.equal((await refusal(enroll("unknown-5"))).error.code, "auth.rate_limited");
      await enroll((await setupKey()).plain);
    });

    test("expired, revoked and used-up keys say so", async () => {
      const expired = await setupKey({ expiresInSeconds: 60 });
      const revoked = await setupKey();
      await changeSetupKey(plane.context, plane.actor, revoked.key.id, { revoked: true, autoGroups: [] });
      const overused = await setupKey({ type: "one-off" });
      await enroll(overused.plain);
      plane.clock.aheadMs += 61_000;
      const codes = [];
      for (const { plain } of [expired, revoked, overused]) {
        const { code, error } = await refusal(enroll(plain));
        assert.equal(code, Status.PERMISSION_DENIED);
        codes.push(error.code);
      }
      assert.deepEqual(codes, ["setup_key.expired", "setup_key.revoked", "setup_key.overused"]);
    });

    test("a key that is no key, and one that a stock device has, are refused", async () => {
      const { plain } = await setupKey();
      assert.equal((await refusal(enroll(plain, { publicKey: "AAAA" }))).error.code, "peer.invalid");
      const publicKey = newKey();
      const draft = { name: "phone", publicKey, groups: [], withPresharedKey: false };
      await registerDevice(plane.context, plane.actor, draft);
      assert.equal((await refusal(enroll(plain, { publicKey }))).error.code, "peer.key_taken");
    });
  });

  suite("in sync", () => {
    let token: string;
    let own: agent.EnrollResponse;
    let publicKey: string;
    setup(async () => {
      publicKey = newKey();
      own = await enroll((await setupKey()).plain, { publicKey });
      token = await plane.token();
      const proxy = connectScriptedProxy(plane, { token });
      await proxy.synced();
    });

    async function joinProxy(proxyId = "proxy-1", address = CLUSTER) {
      const tunnels = openTunnels(plane, { token, proxyId, address, endpoint: `${address}:51820` });
      const key = newKey();
      tunnels.announce(plane.account, key);
      return { tunnels, key, state: await tunnels.inbox.next() };
    }

    const peerTarget = (port: number, change = {}) =>
      directTarget({
        target_id: own.peerId,
        target_type: "peer",
        host: "",
        port,
        options: undefined,
        ...change,
      });

    test("the first state has the agent's addresses and the account's proxies, also after these are gone", async () => {
      const { key, state, tunnels } = await joinProxy();
      const { inbox } = openSync(own.token, publicKey);
      const first = await inbox.next();
      assert.deepEqual(
        [first.peerId, first.name, first.address, first.addressV6],
        [own.peerId, "web", own.address, own.addressV6],
      );
      const proxies = [
        {
          peerId: first.proxies[0]?.peerId,
          proxyId: "proxy-1",
          publicKey: key,
          presharedKey: "",
          endpoint: `${CLUSTER}:51820`,
          websocketEndpoint: "",
          allowedIps: [`${state.address}/32`, `${state.addressV6}/128`],
        },
      ];
      assert.deepEqual(first.proxies, proxies);
      tunnels.cancel();
      await plane.restart();
      plane.clock.aheadMs += 23 * 3_600_000;
      clients = clientsOf(plane);
      assert.deepEqual((await openSync(own.token).inbox.next()).proxies, proxies);
      plane.clock.aheadMs += 2 * 3_600_000;
      await registerDevice(plane.context, plane.actor, {
        name: "phone",
        publicKey: newKey(),
        groups: [],
        withPresharedKey: false,
      });
      assert.deepEqual((await openSync(own.token).inbox.next()).proxies, []);
    });

    test("rules follow the services: exactly the ports of enabled targets, for the proxies of their cluster", async () => {
      const here = await joinProxy();
      const usProxy = connectScriptedProxy(plane, { token, proxyId: "us", address: "us.example.net" });
      await usProxy.synced();
      await joinProxy("us", "us.example.net");
      const { inbox } = openSync(own.token);
      assert.deepEqual((await inbox.next()).rules, []);
      const shop = await createService(
        plane.context,
        plane.actor,
        serviceRequest("shop", {
          targets: [
            peerTarget(3000),
            peerTarget(0, { path: "/secure", protocol: "https" }),
            peerTarget(4000, { path: "/off", enabled: false }),
            peerTarget(5000, { path: "/direct", options: { direct_upstream: true } }),
          ],
        }),
      );
      const sources = [`${here.state.address}/32`, `${here.state.addressV6}/128`].sort();
      const rule = (port: number, protocol = "tcp", destination = `${own.address}/32`) => ({
        destination,
        protocol,
        portFirst: port,
        portLast: port,
        sources,
      });
      const byPort = (rules: agent.AccessRule[]) =>
        rules.filter(({ destination }) => destination === `${own.address}/32`);
      const withRules = await inbox.find(({ rules }) => rules.length > 0);
      assert.deepEqual(byPort(withRules.rules), [rule(3000), rule(443)]);
      assert.equal(withRules.rules.length, 4, "the same for its IPv6 address");
      assert.ok(withRules.rules.every((one) => one.sources.join() === sources.join()));

      await updateService(
        plane.context,
        plane.actor,
        shop.id,
        serviceRequest("shop", { enabled: false, targets: [peerTarget(3000)] }),
      );
      assert.deepEqual((await inbox.next()).rules, []);
      const dns = await createService(
        plane.context,
        plane.actor,
        serviceRequest("dns", {
          mode: "udp",
          public: undefined,
          targets: [peerTarget(53, { protocol: "udp" })],
        }),
      );
      assert.deepEqual(byPort((await inbox.next()).rules), [rule(53, "udp")]);
      await removeService(plane.context, plane.actor, dns.id);
      assert.deepEqual((await inbox.next()).rules, []);
    });

    test("a routing peer gets routes and rules for what it routes, and the proxy the other end of them", async () => {
      const { tunnels } = await joinProxy();
      const { inbox } = openSync(own.token);
      await inbox.next();
      const { context, actor } = plane;
      const network = await createNetwork(context, actor, { name: "office", description: "" });
      const resource = (name: string, address: string) =>
        createResource(context, actor, network.id, {
          name,
          description: "",
          address,
          enabled: true,
          groups: [],
        });
      const host = await resource("printer", "10.0.0.9");
      const subnet = await resource("lan", "10.0.0.0/24");
      const name = await resource("wiki", "wiki.internal");
      const phone = await registerDevice(context, actor, {
        name: "phone",
        publicKey: newKey(),
        groups: [],
        withPresharedKey: false,
      });
      const router = (peer: string, metric: number) =>
        createRouter(context, actor, network.id, {
          peer,
          peerGroups: [],
          metric,
          masquerade: true,
          enabled: true,
        });
      await router(own.peerId, 100);
      await router(phone.peer.id, 10);
      for (const [service, targetId, type, hostName] of [
        ["printer", host.id, "host", ""],
        ["lan", subnet.id, "subnet", "10.0.0.20"],
        ["wiki", name.id, "domain", ""],
      ] as const) {
        await createService(
          context,
          actor,
          serviceRequest(service, {
            targets: [
              directTarget({ target_id: targetId, target_type: type, host: hostName, options: undefined }),
            ],
          }),
        );
      }
      const state = await inbox.find(({ rules }) => rules.length === 3);
      assert.deepEqual(
        state.routes.map(({ resourceId, prefix, domain }) => [resourceId, prefix, domain]).sort(),
        [
          [host.id, "10.0.0.9/32", ""],
          [subnet.id, "10.0.0.0/24", ""],
          [name.id, `${name.virtualIp}/32`, "wiki.internal"],
        ].sort(),
      );
      assert.deepEqual(
        state.rules.map(({ destination, protocol, portFirst }) => [destination, protocol, portFirst]).sort(),
        [
          ["10.0.0.9/32", "tcp", 8080],
          ["10.0.0.20/32", "tcp", 8080],
          [`${name.virtualIp}/32`, "tcp", 8080],
        ].sort(),
      );
      const tunnel = await tunnels.inbox.find(({ routes }) =>
        routes.some(({ routers, domain }) => domain === "" && routers.length === 2),
      );
      const routersOf = (id: string) =>
        tunnel.routes.find(({ resourceId }) => resourceId === id)?.routers.map(({ peerId }) => peerId);
      assert.deepEqual(routersOf(host.id), [phone.peer.id, own.peerId], "best metric first");
      assert.deepEqual(routersOf(name.id), [own.peerId], "a stock device cannot resolve names");
    });

    test("being deleted ends the stream with UNAUTHENTICATED, and the token is worth nothing", async () => {
      const { inbox } = openSync(own.token);
      await inbox.next();
      await removePeer(plane.context, plane.actor, own.peerId);
      assert.equal(((await inbox.end(1_000)) as ServiceError).code, Status.UNAUTHENTICATED);
      assert.equal(((await openSync(own.token).inbox.end()) as ServiceError).code, Status.UNAUTHENTICATED);
    });

    test("presence follows the stream, and the host's own words are kept", async () => {
      const { inbox, cancel } = openSync(own.token);
      await inbox.next();
      const read = () => getPeer(plane.store.db, plane.account, own.peerId);
      assert.deepEqual([(await read())?.connected, (await read())?.version], [true, "0.1.0"]);
      const newer = openSync(own.token);
      await newer.inbox.next();
      assert.equal(((await inbox.end()) as ServiceError).code, Status.ABORTED);
      assert.equal((await read())?.connected, true, "the end of the older stream");
      newer.cancel();
      cancel();
      await eventually(async () => !(await read())?.connected);
    });

    test("a token of one peer with the key of another is refused", async () => {
      const { inbox } = openSync(own.token, newKey());
      assert.equal(((await inbox.end()) as ServiceError).code, Status.UNAUTHENTICATED);
    });

    test("an ephemeral peer goes after ten minutes without a stream, unless a service needs it", async () => {
      const { plain } = await setupKey({ ephemeral: true });
      const [gone, needed] = [await enroll(plain), await enroll(plain)];
      await createService(
        plane.context,
        plane.actor,
        serviceRequest("shop", { targets: [peerTarget(80, { target_id: needed.peerId })] }),
      );
      const left = async () =>
        (await listPeers(plane.store.db, plane.account)).map(({ id }) => id as string).sort();
      await sweep(plane.context);
      assert.equal((await left()).length, 3);
      plane.clock.aheadMs += 11 * 60_000;
      await sweep(plane.context);
      assert.deepEqual(await left(), [own.peerId, needed.peerId].sort());
      assert.ok(gone.peerId);
      await updatePeer(plane.store.db, plane.account, own.peerId, { connected: false });
    });
  });
});
