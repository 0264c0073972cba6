import assert from "node:assert/strict";
import { status as Status } from "@grpc/grpc-js";
import { control } from "@netbird-proxy/proto/grpc";
import { createGroup, updateGroup } from "../../../src/commands/groups.ts";
import { registerDevice, removePeer } from "../../../src/commands/peers.ts";
import { revokeToken } from "../../../src/commands/proxy-tokens.ts";
import { removeService, updateService } from "../../../src/commands/services.ts";
import { changeUser, removeUser } from "../../../src/commands/users.ts";
import { readServiceStatuses } from "../../../src/reconcile/service-status.ts";
import { findProxyPeer, getPeer } from "../../../src/store/peers.ts";
import { markSilentDevicesDisconnected } from "../../../src/store/presence.ts";
import { getProxy } from "../../../src/store/proxies.ts";
import { listProxyTokens } from "../../../src/store/proxy-tokens.ts";
import { epoch } from "../../../src/store/revisions.ts";
import {
  answer,
  bearer,
  CLUSTER,
  type ControlPlane,
  clientsOf,
  connectScriptedProxy,
  copyService,
  eventually,
  newKey,
  openTunnels,
  type ScriptedProxy,
  serviceRequest,
  startControlPlane,
} from "../../support/control-plane.ts";

suite("tunnels and reports of our proxy", () => {
  let plane: ControlPlane;
  let token: string;
  let proxy: ScriptedProxy;
  setup(async () => {
    plane = await startControlPlane();
    token = await plane.token();
    proxy = connectScriptedProxy(plane, { token, resume: { epoch: "", revision: 0 } });
    await proxy.synced();
  });
  teardown(() => plane.close());

  const device = (name: string, withPresharedKey = false) =>
    registerDevice(plane.context, plane.actor, { name, publicKey: newKey(), groups: [], withPresharedKey });

  test("an account that is announced gets an address on the proxy and every peer of the account", async () => {
    const { peer } = await device("router", true);
    const tunnels = openTunnels(plane, { token });
    tunnels.announce(plane.account, newKey());
    const state = await tunnels.inbox.next();
    assert.match(state.address, /^100\.\d+\.\d+\.\d+$/);
    assert.match(state.addressV6, /^fd/);
    assert.deepEqual(
      state.peers.map(({ peerId, name, publicKey, allowedIps }) => [peerId, name, publicKey, allowedIps]),
      [[peer.id, "router", peer.publicKey, [`${peer.ip}/32`, `${peer.ipv6}/128`]]],
    );
    assert.match(state.peers[0]!.presharedKey, /^[A-Za-z0-9+/]{43}=$/);
    assert.ok(state.revision > 0n);
    const row = await findProxyPeer(plane.store.db, plane.account, "proxy-1");
    assert.deepEqual(
      [row?.ip, row?.cluster, row?.wireguardEndpoint],
      [state.address, CLUSTER, "proxy.example.net:51820"],
    );
  });

  test("a change of peers is told again, once for changes that come together; others are not told", async () => {
    const tunnels = openTunnels(plane, { token });
    tunnels.announce(plane.account, newKey());
    await tunnels.inbox.next();
    const first = await device("first");
    await device("second");
    const both = await tunnels.inbox.find(({ peers }) => peers.length === 2);
    await removePeer(plane.context, plane.actor, first.peer.id);
    const one = await tunnels.inbox.find(({ peers }) => peers.length === 1);
    assert.equal(one.peers[0]?.name, "second");
    assert.equal(one.address, both.address);
    await plane.service("shop");
    await assert.rejects(
      tunnels.inbox.next(200),
      /nothing came/,
      "a service changes nothing about the tunnels",
    );
  });

  test("proxies hear whom each peer stands for, and when that changes", async () => {
    const { db } = plane.store;
    const { peer } = await device("laptop");
    const owner = (await db("users").first()).id;
    const user = { ...(await db("users").first()), id: "ann", email: "ann@example.net", role: "user" };
    await db("users").insert(user);
    await db("peers").where({ id: peer.id }).update({ user_id: "ann" });
    const admin = { ...plane.actor, id: owner };
    const staff = await createGroup(plane.context, admin, { name: "Staff", peers: [], resources: [] });
    const tunnels = openTunnels(plane, { token });
    tunnels.announce(plane.account, newKey());
    const seen = (state: control.TunnelState) => {
      const { identity } = state.peers[0]!;
      return identity && [identity.userId, identity.user, identity.groups.map((i) => state.groups[i]?.name)];
    };
    assert.deepEqual(seen(await tunnels.inbox.next()), ["ann", "ann@example.net", ["All"]]);
    const change = { name: "Staff", peers: [peer.id], resources: [] };
    await updateGroup(plane.context, admin, staff.id, change);
    assert.deepEqual((seen(await tunnels.inbox.next())![2] as string[]).toSorted(), ["All", "Staff"]);
    const block = (isBlocked: boolean) =>
      changeUser(plane.context, admin, "ann", { role: "user", autoGroups: [], isBlocked });
    await block(true);
    assert.equal(seen(await tunnels.inbox.next()), undefined, "a blocked user's device stands for nobody");
    await block(false);
    assert.equal(seen(await tunnels.inbox.next())![0], "ann");
    await removeUser(plane.context, admin, "ann");
    assert.equal(seen(await tunnels.inbox.next()), undefined);
  });

  test("the address outlives the stream, the key and the server", async () => {
    const first = openTunnels(plane, { token });
    first.announce(plane.account, newKey());
    const { address } = await first.inbox.next();
    first.cancel();
    await eventually(async () => !(await findProxyPeer(plane.store.db, plane.account, "proxy-1"))?.connected);
    await plane.restart();
    const again = openTunnels(plane, { token });
    const key = newKey();
    again.announce(plane.account, key);
    assert.equal((await again.inbox.next()).address, address);
    assert.equal((await findProxyPeer(plane.store.db, plane.account, "proxy-1"))?.publicKey, key);
  });

  test("a proxy whose peer somebody deleted gets another one", async () => {
    const tunnels = openTunnels(plane, { token });
    tunnels.announce(plane.account, newKey());
    await tunnels.inbox.next();
    const before = (await findProxyPeer(plane.store.db, plane.account, "proxy-1"))!;
    await plane.store.db("peers").where({ id: before.id }).delete();
    await device("anything");
    await tunnels.inbox.find(({ peers }) => peers.length === 1);
    assert.notEqual((await findProxyPeer(plane.store.db, plane.account, "proxy-1"))?.id, before.id);
  });

  test("an account's proxy cannot join another account, and its own tunnels do not suffer from asking", async () => {
    const { db } = plane.store;
    await db("accounts").insert({ ...(await db("accounts").first()), id: "another" });
    const tunnels = openTunnels(plane, { token });
    tunnels.announce("another", newKey());
    tunnels.announce(plane.account, newKey());
    assert.equal((await tunnels.inbox.next()).accountId, plane.account);
    assert.equal((await db("peers").where({ account_id: "another" })).length, 0);
  });

  test("a left account is no longer told, and another stream of the same proxy ends the first", async () => {
    const tunnels = openTunnels(plane, { token });
    tunnels.announce(plane.account, newKey());
    await tunnels.inbox.next();
    tunnels.leave(plane.account);
    await eventually(async () => !(await findProxyPeer(plane.store.db, plane.account, "proxy-1"))?.connected);
    await device("late");
    await assert.rejects(tunnels.inbox.next(200), /nothing came/);
    const newer = openTunnels(plane, { token });
    newer.announce(plane.account, newKey());
    assert.equal(((await tunnels.inbox.end()) as { code: number }).code, Status.CANCELLED);
    await newer.inbox.next();
  });

  test("a revoked token ends the tunnels' stream too", async () => {
    const tunnels = openTunnels(plane, { token });
    tunnels.announce(plane.account, newKey());
    await tunnels.inbox.next();
    const [row] = await listProxyTokens(plane.store.db, plane.account);
    await revokeToken(plane.context, plane.actor, row!.id);
    assert.equal(((await tunnels.inbox.end(1_000)) as { code: number }).code, Status.CANCELLED);
  });

  test("a proxy that starts with its tunnels claims its id all the same", async () => {
    const tunnels = openTunnels(plane, { token, proxyId: "early" });
    tunnels.announce(plane.account, newKey());
    await tunnels.inbox.next();
    const stranger = connectScriptedProxy(plane, {
      token: await plane.token(null),
      proxyId: "early",
      address: "us.example.net",
    });
    assert.equal(((await stranger.inbox.end()) as { code: number }).code, Status.ALREADY_EXISTS);
    const own = connectScriptedProxy(plane, { token, proxyId: "early" });
    await own.synced();
    const row = await getProxy(plane.store.db, "early");
    assert.deepEqual([row?.connected, row?.wireguardEndpoint], [true, "proxy.example.net:51820"]);
  });

  suite("reports", () => {
    const report = async (request: Partial<control.ReportStateRequest>) =>
      answer<control.ReportStateResponse>((done) =>
        proxy.clients.proxyControl.reportState(
          control.ReportStateRequest.fromPartial({ proxyId: "proxy-1", ...request }),
          proxy.metadata,
          done,
        ),
      );
    const working = (serviceId: string, servingRevision: number): control.ServiceReport =>
      control.ServiceReport.fromPartial({
        serviceId,
        servingRevision: BigInt(servingRevision),
        certificate: {
          state: control.CertificateState.CERTIFICATE_STATE_READY,
          source: "static",
          expiresAtUnixSeconds: 2_000_000_000n,
          issuedAtUnixSeconds: 1_700_000_000n,
        },
        targets: [
          {
            position: 0,
            state: control.TargetState.TARGET_STATE_REACHABLE,
            handshakeAgeSeconds: -1n,
            probeMs: 3,
          },
        ],
      });
    const statusOf = async (id: string) =>
      (await readServiceStatuses(plane.store.db, plane.account, [id], plane.context.nowMs())).get(id)!;

    test("a service is active once the proxy says that its newest revision works", async () => {
      const shop = await plane.service("shop");
      assert.equal((await statusOf(shop.id)).reason?.code, "service.not_applied_yet");
      const answered = await report({
        epoch: await epoch(plane.store.db),
        appliedRevision: BigInt(shop.revision),
        services: [working(shop.id, shop.revision), working("gone", 3)],
        full: true,
      });
      assert.deepEqual(answered, { unknownServiceIds: ["gone"], sendFull: false });
      const live = await statusOf(shop.id);
      assert.deepEqual(
        [live.state, live.reason, live.liveOn, live.liveRevision],
        ["active", undefined, ["proxy-1"], shop.revision],
      );
      assert.deepEqual(live.certificate, { source: "static", expiresAt: 2_000_000_000_000 });
      const row = await plane.store.db("services").where({ id: shop.id }).first();
      assert.equal(Number(row.certificate_issued_at), 1_700_000_000_000);

      const changed = await updateService(
        plane.context,
        plane.actor,
        shop.id,
        serviceRequest("shop", { rewrite_redirects: true }),
      );
      const pending = await statusOf(shop.id);
      assert.deepEqual(
        [pending.state, pending.reason?.code, pending.liveRevision],
        ["pending", "service.not_applied_yet", shop.revision],
      );
      await report({ services: [working(shop.id, changed.revision)] });
      assert.equal((await statusOf(shop.id)).state, "active");
    });

    test("an unchanged service stays active by reports about nothing, and goes stale without them", async () => {
      const shop = await plane.service("shop");
      await report({ services: [working(shop.id, shop.revision)], full: true });
      plane.clock.aheadMs += 40_000;
      await report({});
      plane.clock.aheadMs += 40_000;
      assert.equal((await statusOf(shop.id)).state, "active");
      plane.clock.aheadMs += 10_000;
      assert.equal((await statusOf(shop.id)).reason?.code, "proxy.stale_report");
    });

    test("a server that has not heard of the proxy before asks for everything", async () => {
      assert.equal((await report({})).sendFull, true);
      assert.equal((await report({ full: true })).sendFull, false);
      assert.equal((await report({})).sendFull, false);
    });

    test("a full report forgets what it does not mention", async () => {
      const [shop, blog] = [await plane.service("shop"), await plane.service("blog")];
      await report({
        services: [working(shop.id, shop.revision), working(blog.id, blog.revision)],
        full: true,
      });
      await report({ services: [working(shop.id, shop.revision)], full: true });
      assert.equal((await statusOf(blog.id)).state, "pending");
      assert.equal((await statusOf(shop.id)).state, "active");
    });

    // The rows of one insert were once more than SQLite takes.
    test("a full report may be about thousands of services", async () => {
      const shop = await plane.service("shop");
      const ids = [shop.id, ...(await copyService(plane, shop.id, 1_300))];
      await report({ services: ids.map((id) => working(id, shop.revision)), full: true });
      const statuses = await readServiceStatuses(
        plane.store.db,
        plane.account,
        undefined,
        plane.context.nowMs(),
      );
      assert.equal([...statuses.values()].filter(({ state }) => state === "active").length, 1_301);
      await report({ services: ids.slice(0, 2).map((id) => working(id, shop.revision)), full: true });
      assert.equal((await plane.store.db("service_reports").select("service_id")).length, 2);
    });

    test("another token's proxy cannot be reported for, nor another cluster's service", async () => {
      const foreign = bearer(await plane.token());
      await assert.rejects(
        answer((done) =>
          proxy.clients.proxyControl.reportState(
            control.ReportStateRequest.fromPartial({ proxyId: "proxy-1" }),
            foreign,
            done,
          ),
        ),
        (error) => (error as { code: number }).code === Status.ALREADY_EXISTS,
      );
      const us = connectScriptedProxy(plane, { token, proxyId: "us", address: "us.example.net" });
      await us.synced();
      const there = await plane.service("there", { domain: "there.us.example.net" });
      assert.deepEqual((await report({ services: [working(there.id, there.revision)] })).unknownServiceIds, [
        there.id,
      ]);
    });

    test("a handshake is a stock device's sign of life, until the session would have run out", async () => {
      const { peer } = await device("phone");
      const nowSeconds = Math.floor(plane.context.nowMs() / 1000);
      await report({
        peers: [
          {
            accountId: plane.account,
            peerId: peer.id,
            latestHandshakeUnixSeconds: BigInt(nowSeconds - 5),
            rxBytes: 1n,
            txBytes: 1n,
            endpoint: "203.0.113.7:40000",
          },
        ],
      });
      const row = await getPeer(plane.store.db, plane.account, peer.id);
      assert.deepEqual(
        [row?.connected, row?.latestHandshake, row?.lastSeen, row?.connectionIp],
        [true, (nowSeconds - 5) * 1000, row?.lastSeen, "203.0.113.7:40000"],
      );
      await markSilentDevicesDisconnected(plane.store.db, (nowSeconds - 4) * 1000);
      assert.equal((await getPeer(plane.store.db, plane.account, peer.id))?.connected, false);
    });

    test("the reports of a proxy that was away for long are not believed when it is back", async () => {
      const shop = await plane.service("shop");
      await report({ services: [working(shop.id, shop.revision)], full: true });
      proxy.cancel();
      await eventually(async () => (await getProxy(plane.store.db, "proxy-1"))?.connected === false);
      assert.equal((await statusOf(shop.id)).reason?.code, "service.no_proxy_connected");
      plane.clock.aheadMs += 60_000;
      const back = connectScriptedProxy(plane, { token, resume: proxy.resumePoint() });
      await back.synced();
      assert.equal((await statusOf(shop.id)).reason?.code, "service.not_applied_yet");
    });

    test("a deleted service takes its reports along", async () => {
      const shop = await plane.service("shop");
      await report({ services: [working(shop.id, shop.revision)], full: true });
      await removeService(plane.context, plane.actor, shop.id);
      assert.deepEqual(await plane.store.db("service_reports"), []);
      assert.deepEqual((await report({ services: [working(shop.id, shop.revision)] })).unknownServiceIds, [
        shop.id,
      ]);
    });
  });

  test("a report of a proxy without control stream is refused, not mistaken for an older server", async () => {
    await assert.rejects(
      answer((done) =>
        clientsOf(plane).proxyControl.reportState(
          control.ReportStateRequest.fromPartial({ proxyId: "nobody" }),
          bearer(token),
          done,
        ),
      ),
      (error) => (error as { code: number }).code === Status.FAILED_PRECONDITION,
    );
  });
});
