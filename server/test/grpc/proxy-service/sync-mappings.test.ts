import assert from "node:assert/strict";
import { status as Status } from "@grpc/grpc-js";
import { management } from "@netbird-proxy/proto/grpc";
import { revokeToken } from "../../../src/commands/proxy-tokens.ts";
import { removeService, updateService } from "../../../src/commands/services.ts";
import { ERROR_TRAILER } from "../../../src/grpc/index.ts";
import { getProxy, saveProxy } from "../../../src/store/proxies.ts";
import { listProxyTokens } from "../../../src/store/proxy-tokens.ts";
import { pruneRevisions } from "../../../src/store/revisions.ts";
import {
  CLUSTER,
  type ControlPlane,
  connectScriptedProxy,
  copyService,
  directTarget,
  eventually,
  serviceRequest,
  startControlPlane,
} from "../../support/control-plane.ts";

const { UPDATE_TYPE_CREATED, UPDATE_TYPE_MODIFIED, UPDATE_TYPE_REMOVED } = management.ProxyMappingUpdateType;
const FRESH = { epoch: "", revision: 0 };

suite("the control stream of a proxy", () => {
  let plane: ControlPlane;
  let token: string;
  setup(async () => {
    plane = await startControlPlane();
    token = await plane.token();
  });
  teardown(() => plane.close());

  /** Makes the cluster usable, so that services can be made before the proxy under test connects. */
  async function withCluster(address = CLUSTER): Promise<void> {
    const first = connectScriptedProxy(plane, { token, proxyId: `warm-up-${address}`, address });
    await first.synced();
    plane.cleanUps.push(() => first.cancel());
  }

  const errorCode = (error: unknown) =>
    JSON.parse(
      String((error as { metadata: import("@grpc/grpc-js").Metadata }).metadata.get(ERROR_TRAILER)[0]),
    ).code;

  test("an empty cluster starts with one empty, final message that waits for its ack", async () => {
    const proxy = connectScriptedProxy(plane, { token, acks: false });
    const first = await proxy.inbox.next();
    assert.deepEqual([first.mapping, first.initialSyncComplete], [[], true]);
    const service = await plane.service("shop");
    await assert.rejects(proxy.inbox.next(150), /nothing came/, "the snapshot is not acknowledged yet");
    proxy.ack();
    const next = await proxy.inbox.next();
    assert.deepEqual(
      next.mapping.map(({ id, type }) => [id, type]),
      [[service.id, UPDATE_TYPE_CREATED]],
    );
  });

  test("a stock proxy gets every enabled service of its cluster with a one-time token of its own", async () => {
    await withCluster();
    const shop = await plane.service("shop");
    await plane.service("off", { enabled: false });
    const proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
    assert.deepEqual([...proxy.held.keys()], [shop.id]);
    const mapping = proxy.held.get(shop.id)!;
    assert.match(mapping.authToken, /^[A-Za-z0-9_-]{43}=$/);
    assert.equal(mapping.type, UPDATE_TYPE_CREATED);
    assert.equal(mapping.path[0]?.target, "http://127.0.0.1:8080/");
    const again = connectScriptedProxy(plane, { token, proxyId: "proxy-2" });
    await again.synced();
    assert.notEqual(again.held.get(shop.id)?.authToken, mapping.authToken);
  });

  test("changes arrive as complete replacements: created, modified, disabled, enabled, removed", async () => {
    const proxy = connectScriptedProxy(plane, { token, resume: FRESH });
    await proxy.synced();
    proxy.inbox.messages.length = 0;
    const shop = await plane.service("shop");
    const types: [number, string][] = [];
    const seen = async () => {
      const { mapping } = await proxy.inbox.find(({ mapping }) => mapping.length > 0);
      for (const { type, path } of mapping) types.push([type, path[0]?.target ?? ""]);
    };
    await seen();
    const update = async (change: Parameters<typeof serviceRequest>[1]) => {
      await updateService(plane.context, plane.actor, shop.id, serviceRequest("shop", change));
      await seen();
    };
    await update({ targets: [directTarget({ port: 9090 })] });
    await update({ enabled: false });
    await update({ targets: [directTarget({ port: 80, host: "::1" })] });
    await removeService(plane.context, plane.actor, shop.id);
    await seen();
    assert.deepEqual(types, [
      [UPDATE_TYPE_CREATED, "http://127.0.0.1:8080/"],
      [UPDATE_TYPE_MODIFIED, "http://127.0.0.1:9090/"],
      [UPDATE_TYPE_REMOVED, ""],
      [UPDATE_TYPE_CREATED, "http://[::1]/"],
      [UPDATE_TYPE_REMOVED, ""],
    ]);
    assert.equal(proxy.held.size, 0);
  });

  test("gRPC weakness 5: a service that is created disabled never reaches a proxy", async () => {
    const proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
    const hidden = await plane.service("hidden", { enabled: false });
    await updateService(plane.context, plane.actor, hidden.id, serviceRequest("hidden", { enabled: false }));
    const shown = await plane.service("shown");
    await proxy.until((held) => held.has(shown.id));
    assert.equal(
      proxy.received.some(({ mapping }) => mapping.some(({ id }) => id === hidden.id)),
      false,
    );
  });

  test("a change is on the proxy in well under 300 ms, also when only the log tells of it", async () => {
    const proxy = connectScriptedProxy(plane, { token, resume: FRESH });
    await proxy.synced();
    const startedMs = performance.now();
    const shop = await plane.service("shop");
    await proxy.until((held) => held.has(shop.id));
    assert.ok(performance.now() - startedMs < 300);
    // What another server on the same database does: the same writes, without our signal.
    const silent = {
      ...plane.context,
      store: { ...plane.store, changes: { onChange: () => () => {}, changed() {} } },
    };
    await removeService(silent, plane.actor, shop.id);
    await proxy.until((held) => !held.has(shop.id));
  });

  test("a move to another cluster removes it from the old proxy and creates it on the new one", async () => {
    const old = connectScriptedProxy(plane, { token, resume: FRESH });
    const other = connectScriptedProxy(plane, {
      token,
      proxyId: "proxy-us",
      address: "us.example.net",
      resume: FRESH,
    });
    await Promise.all([old.synced(), other.synced()]);
    const shop = await plane.service("shop");
    await old.until((held) => held.has(shop.id));
    assert.equal(other.held.size, 0);
    await updateService(
      plane.context,
      plane.actor,
      shop.id,
      serviceRequest("shop", { domain: "shop.us.example.net" }),
    );
    await old.until((held) => !held.has(shop.id));
    await other.until((held) => held.get(shop.id)?.domain === "shop.us.example.net");
    const removal = old.received.at(-1)!.mapping[0]!;
    assert.deepEqual([removal.type, removal.domain], [UPDATE_TYPE_REMOVED, `shop.${CLUSTER}`]);
  });

  test("gRPC weakness 23: the cluster address compares without case", async () => {
    const proxy = connectScriptedProxy(plane, { token, address: CLUSTER.toUpperCase() });
    await proxy.synced();
    const shop = await plane.service("shop", { domain: `Shop.${CLUSTER}` });
    await proxy.until((held) => held.has(shop.id));
  });

  test("our proxy resumes with what has changed, and nothing else", async () => {
    const first = connectScriptedProxy(plane, { token, resume: FRESH });
    await first.synced();
    const [kept, changed, removed] = [
      await plane.service("kept"),
      await plane.service("changed"),
      await plane.service("removed"),
    ];
    await first.until((held) => held.size === 3);
    const point = first.resumePoint();
    first.cancel();
    await eventually(async () => (await getProxy(plane.store.db, "proxy-1"))?.connected === false);
    await saveProxy(plane.store.db, {
      ...(await getProxy(plane.store.db, "proxy-1"))!,
      connected: true,
      lastSeen: plane.context.nowMs(),
    });
    await updateService(
      plane.context,
      plane.actor,
      changed.id,
      serviceRequest("changed", { rewrite_redirects: true }),
    );
    await removeService(plane.context, plane.actor, removed.id);
    const added = await plane.service("added");
    const brief = await plane.service("brief");
    await removeService(plane.context, plane.actor, brief.id);

    const again = connectScriptedProxy(plane, { token, resume: point });
    await again.synced();
    const start = again.received;
    assert.ok(start.every(({ delta }) => delta));
    assert.deepEqual(
      new Map(start.flatMap(({ mapping }) => mapping.map(({ id, type }) => [id, type]))),
      new Map<string, number>([
        [removed.id, UPDATE_TYPE_REMOVED],
        [brief.id, UPDATE_TYPE_REMOVED],
        [changed.id, UPDATE_TYPE_CREATED],
        [added.id, UPDATE_TYPE_CREATED],
      ]),
    );
    assert.equal(
      again.received[0]?.mapping.some(({ id }) => id === kept.id),
      false,
    );
    assert.ok(again.resumePoint().revision > point.revision);
    // What it held before is known: turning it off removes it.
    await updateService(plane.context, plane.actor, kept.id, serviceRequest("kept", { enabled: false }));
    await again.inbox.find(({ mapping }) =>
      mapping.some(({ id, type }) => id === kept.id && type === UPDATE_TYPE_REMOVED),
    );
  });

  for (const [why, spoil] of [
    ["the log belongs to another database", (point: typeof FRESH) => ({ ...point, epoch: "elsewhere" })],
    ["it claims a revision from the future", (point: typeof FRESH) => ({ ...point, revision: 99_999 })],
  ] as const) {
    test(`our proxy gets a snapshot when ${why}`, async () => {
      const first = connectScriptedProxy(plane, { token, resume: FRESH });
      await first.synced();
      const shop = await plane.service("shop");
      await first.until((held) => held.has(shop.id));
      const again = connectScriptedProxy(plane, { token, resume: spoil(first.resumePoint()) });
      await again.synced();
      assert.equal(again.received[0]?.delta, false);
      assert.deepEqual([...again.held.keys()], [shop.id]);
    });
  }

  test("our proxy gets a snapshot when the log was pruned, or when it is asked for as another audience", async () => {
    const first = connectScriptedProxy(plane, { token, resume: FRESH });
    await first.synced();
    const point = first.resumePoint();
    const shop = await plane.service("shop");
    await plane.service("blog");
    await first.until((held) => held.size === 2);
    const newer = first.resumePoint();
    await pruneRevisions(plane.store.db, 1);
    const pruned = connectScriptedProxy(plane, { token, resume: point });
    await pruned.synced();
    assert.deepEqual([pruned.received[0]?.delta, pruned.held.size], [false, 2]);
    const weaker = connectScriptedProxy(plane, { token, resume: newer, capabilities: {} });
    await weaker.synced();
    assert.equal(weaker.received[0]?.delta, false, "other capabilities see other services");
    const resumed = connectScriptedProxy(plane, { token, resume: newer, capabilities: {} });
    await resumed.synced();
    assert.equal(resumed.received[0]?.delta, true);
    assert.ok(shop.id);
  });

  test("services that a proxy cannot enforce or bind are kept from it", async () => {
    await withCluster();
    const group = (await plane.store.db("groups").first("id")).id;
    const secret = await plane.service("secret", {
      public: undefined,
      private: true,
      access_groups: [group],
    });
    const tcp = await plane.service("db", {
      mode: "tcp",
      public: undefined,
      targets: [directTarget({ protocol: "tcp", port: 5432 })],
    });
    const tls = await plane.service("tls", {
      mode: "tls",
      listen_port: 8443,
      public: undefined,
      targets: [directTarget({ protocol: "tcp", port: 8443 })],
    });
    const old = connectScriptedProxy(plane, { token, proxyId: "old", capabilities: {} });
    await old.synced();
    assert.deepEqual([...old.held.keys()], [tls.id]);
    const saysNo = connectScriptedProxy(plane, {
      token,
      proxyId: "says-no",
      capabilities: { supportsCustomPorts: false, supportsPrivateService: false },
    });
    await saysNo.synced();
    assert.deepEqual([...saysNo.held.keys()].sort(), [tcp.id, tls.id].sort());
    const full = connectScriptedProxy(plane, { token, proxyId: "full" });
    await full.synced();
    assert.deepEqual([...full.held.keys()].sort(), [secret.id, tcp.id, tls.id].sort());
    assert.equal(full.held.get(tcp.id)?.path[0]?.target, "127.0.0.1:5432");
    assert.equal(full.held.get(secret.id)?.private, true);
  });

  test("a proxy that does not know access rules gets no service that they close, and keeps none", async () => {
    await withCluster();
    const token = await plane.token();
    const rules = (...accessRules: object[]) => ({ access_rules: accessRules }) as never;
    const closed = await plane.service("closed", rules({ path_prefix: "/admin", action: "deny" }));
    const opened = await plane.service("opened", rules({ path_prefix: "/hook", action: "allow" }));
    const watched = await plane.service(
      "watched",
      rules({ path_prefix: "/admin", action: "deny", mode: "observe" }),
    );
    const stock = connectScriptedProxy(plane, {
      token,
      proxyId: "stock",
      capabilities: { supportsCustomPorts: true, supportsPrivateService: true },
    });
    await stock.synced();
    assert.deepEqual([...stock.held.keys()].sort(), [opened.id, watched.id].sort());
    const ours = connectScriptedProxy(plane, { token, proxyId: "ours" });
    await ours.synced();
    assert.deepEqual([...ours.held.keys()].sort(), [closed.id, opened.id, watched.id].sort());
    const [rule] = ours.held.get(closed.id)!.accessRules;
    assert.deepEqual([rule!.pathPrefix, rule!.action, rule!.observe], ["/admin", "deny", false]);
    assert.equal(ours.held.get(watched.id)!.accessRules[0]!.observe, true);
  });

  test("an account's proxy sees its account only, a shared one sees all", async () => {
    await withCluster();
    const shop = await plane.service("shop");
    const elsewhere = { ...plane.actor, account: await anotherAccount(plane) };
    const foreignToken = await plane.token(elsewhere.account);
    const foreign = connectScriptedProxy(plane, {
      token: foreignToken,
      proxyId: "foreign",
      address: "foreign.example.net",
    });
    await foreign.synced();
    assert.equal(foreign.held.size, 0);
    const taken = connectScriptedProxy(plane, { token: foreignToken, proxyId: "foreign-2" });
    const error = await taken.inbox.end();
    assert.equal(errorCode(error), "proxy.address_taken");
    assert.ok(shop.id);
  });

  test("a snapshot is cut at 500 mappings, each message after the ack of the one before", async () => {
    await withCluster();
    const template = await plane.service("shop-0");
    await copyService(plane, template.id, 1_203);
    const proxy = connectScriptedProxy(plane, { token, proxyId: "big", acks: false });
    const sizes: [number, boolean, bigint][] = [];
    for (;;) {
      const message = await proxy.inbox.next();
      sizes.push([message.mapping.length, message.initialSyncComplete, message.revision > 0n ? 1n : 0n]);
      await assert.rejects(proxy.inbox.next(30), /nothing came/);
      proxy.ack();
      if (message.initialSyncComplete) break;
    }
    assert.deepEqual(sizes, [
      [500, false, 0n],
      [500, false, 0n],
      [204, true, 1n],
    ]);
    assert.equal(proxy.held.size, 1_204);
  });

  test("gRPC weakness 12: a snapshot is cut by size too: no message is more than a stock proxy can receive", async () => {
    await withCluster();
    const custom_headers = Object.fromEntries(
      Array.from({ length: 16 }, (_, n) => [`X-Long-${n}`, "x".repeat(4_000)]),
    );
    const template = await plane.service("big", {
      targets: [directTarget({ options: { direct_upstream: true, custom_headers } })],
    });
    await copyService(plane, template.id, 119);
    const proxy = connectScriptedProxy(plane, { token, proxyId: "big" });
    await proxy.synced();
    assert.equal(proxy.held.size, 120);
    const bytes = proxy.received.map(
      (message) => management.SyncMappingsResponse.encode(message).finish().length,
    );
    assert.ok(bytes.length >= 3 && Math.max(...bytes) < 3.1 * 1024 * 1024, String(bytes));
  });

  // A proxy of another database's epoch kept that revision together with the new epoch, and resumed past everything.
  test("half a snapshot names no epoch to resume from, and its acks say nothing about this log", async () => {
    await withCluster();
    const template = await plane.service("shop-0");
    await copyService(plane, template.id, 600);
    const proxy = connectScriptedProxy(plane, {
      token,
      proxyId: "big",
      acks: false,
      resume: { epoch: "another database", revision: 5_000 },
    });
    const first = await proxy.inbox.next();
    assert.deepEqual([first.delta, first.revision, first.epoch], [false, 0n, ""]);
    proxy.ack({ appliedRevision: 5_000n });
    const last = await proxy.inbox.next();
    assert.ok(last.initialSyncComplete && last.revision > 0n && last.epoch !== "");
    assert.equal((await getProxy(plane.store.db, "big"))?.appliedRevision, 0);
    proxy.ack({ appliedRevision: last.revision });
    await eventually(
      async () => (await getProxy(plane.store.db, "big"))?.appliedRevision === Number(last.revision),
    );
  });

  test("the same token takes its proxy id over, and the older stream is cancelled", async () => {
    const first = connectScriptedProxy(plane, { token });
    await first.synced();
    const second = connectScriptedProxy(plane, { token });
    const ended = await first.inbox.end();
    assert.equal((ended as { code: number }).code, Status.CANCELLED);
    await second.synced();
    const shop = await plane.service("shop");
    await second.until((held) => held.has(shop.id));
    assert.equal((await getProxy(plane.store.db, "proxy-1"))?.connected, true, "the late close of the first");
  });

  test("gRPC weakness 1: another token cannot take over a connected proxy's id; a rotated one can once the old is revoked", async () => {
    const first = connectScriptedProxy(plane, { token });
    await first.synced();
    const newer = await plane.token();
    const second = connectScriptedProxy(plane, { token: newer });
    assert.equal(errorCode(await second.inbox.end()), "proxy.id_taken");
    assert.equal(first.inbox.ended, undefined);
    const [old] = await listProxyTokens(plane.store.db, plane.account);
    await revokeToken(plane.context, plane.actor, old!.id);
    assert.equal(((await first.inbox.end()) as { code: number }).code, Status.CANCELLED);
    const third = connectScriptedProxy(plane, { token: newer });
    await third.synced();
  });

  test("gRPC weakness 24: a revoked token ends its stream at once and is refused afterwards", async () => {
    const proxy = connectScriptedProxy(plane, { token });
    await proxy.synced();
    const [row] = await listProxyTokens(plane.store.db, plane.account);
    await revokeToken(plane.context, plane.actor, row!.id);
    const ended = await proxy.inbox.end(1_000);
    assert.equal((ended as { code: number }).code, Status.CANCELLED);
    const again = connectScriptedProxy(plane, { token });
    assert.equal(((await again.inbox.end()) as { code: number }).code, Status.UNAUTHENTICATED);
  });

  test("what is acknowledged is what the row says, for both kinds of proxies", async () => {
    const ours = connectScriptedProxy(plane, { token, proxyId: "ours", resume: FRESH });
    const stock = connectScriptedProxy(plane, { token, proxyId: "stock" });
    await Promise.all([ours.synced(), stock.synced()]);
    const shop = await plane.service("shop");
    for (const id of ["ours", "stock"]) {
      await eventually(async () => (await getProxy(plane.store.db, id))!.appliedRevision === shop.revision);
    }
  });

  test("a refused mapping is kept as the proxy's word about that service", async () => {
    const proxy = connectScriptedProxy(plane, { token, resume: FRESH, acks: false });
    await proxy.inbox.next();
    proxy.ack();
    const shop = await plane.service("shop");
    const message = await proxy.inbox.next();
    proxy.ack({
      appliedRevision: message.revision,
      rejections: [{ serviceId: shop.id, code: "proxy.port_in_use", message: "port 8080 is in use" }],
    });
    const row = await eventually(async () => plane.store.db("service_reports").first());
    assert.equal(row.service_id, shop.id);
    assert.equal(JSON.parse(row.report).rejectionCode, "proxy.port_in_use");
  });

  test("gRPC weakness 6: what a proxy refused is offered again when it resumes", async () => {
    const proxy = connectScriptedProxy(plane, { token, resume: FRESH, acks: false });
    await proxy.inbox.next();
    proxy.ack();
    const [shop, blog] = [await plane.service("shop"), await plane.service("blog")];
    await proxy.until((held) => held.size === 2);
    const rejections = [{ serviceId: shop.id, code: "proxy.port_in_use", message: "port 8080 is in use" }];
    proxy.ack({ appliedRevision: BigInt(blog.revision), rejections });
    await eventually(async () => plane.store.db("service_reports").first());
    const again = connectScriptedProxy(plane, { token, resume: proxy.resumePoint() });
    await again.synced();
    assert.deepEqual(
      again.received.flatMap(({ delta, mapping }) => mapping.map(({ id }) => [delta, id])),
      [[true, shop.id]],
    );
  });

  for (const [what, init, code] of [
    ["no proxy id", { proxyId: "" }, "request.invalid"],
    ["an address that is none", { address: "not a name" }, "proxy.invalid_address"],
  ] as const) {
    test(`an announcement with ${what} is refused`, async () => {
      const proxy = connectScriptedProxy(plane, { token, ...init });
      const error = await proxy.inbox.end();
      assert.equal((error as { code: number }).code, Status.INVALID_ARGUMENT);
      assert.equal(errorCode(error), code);
    });
  }

  test("a restart of the server marks proxies as gone, and they come back with a delta", async () => {
    const proxy = connectScriptedProxy(plane, { token, resume: FRESH });
    await proxy.synced();
    const shop = await plane.service("shop");
    await proxy.until((held) => held.has(shop.id));
    await plane.restart();
    const ended = await proxy.inbox.end();
    assert.equal((ended as { code: number }).code, Status.UNAVAILABLE);
    assert.equal((await getProxy(plane.store.db, "proxy-1"))?.connected, false);
    const again = connectScriptedProxy(plane, { token, resume: proxy.resumePoint() });
    await again.synced();
    assert.deepEqual([again.received[0]?.delta, again.received[0]?.mapping.length], [true, 0]);
  });

  test("the older stream delivers the same without acks", async () => {
    await withCluster();
    const shop = await plane.service("shop");
    const { clients, metadata } = connectScriptedProxy(plane, { token, proxyId: "helper" });
    const call = clients.proxyService.getMappingUpdate(
      { proxyId: "old", version: "0.1", startedAt: undefined, address: CLUSTER, capabilities: undefined },
      metadata,
    );
    plane.cleanUps.push(() => call.cancel());
    call.on("error", () => {});
    const messages: management.GetMappingUpdateResponse[] = [];
    call.on("data", (message) => messages.push(message));
    await eventually(async () => messages.length === 1);
    assert.deepEqual(
      [messages[0]?.initialSyncComplete, messages[0]?.mapping.map(({ id }) => id)],
      [true, [shop.id]],
    );
    await removeService(plane.context, plane.actor, shop.id);
    await eventually(async () => messages.length === 2);
    assert.equal(messages[1]?.mapping[0]?.type, UPDATE_TYPE_REMOVED);
  });
});

async function anotherAccount(plane: ControlPlane) {
  const { db } = plane.store;
  const row = await db("accounts").first();
  await db("accounts").insert({ ...row, id: "another" });
  return "another" as typeof plane.account;
}
