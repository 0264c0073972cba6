import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import { updateService } from "../../src/commands/services.ts";
import { syncResponse } from "../../src/grpc/proxy-service/sync-response.ts";
import type { ResumePoint } from "../../src/reconcile/follow-mappings.ts";
import { followMappings } from "../../src/reconcile/follow-mappings.ts";
import { createMappingLoads } from "../../src/reconcile/mapping-loads.ts";
import type { MappingMessage } from "../../src/reconcile/mapping-message.ts";
import type { RevisionFeed } from "../../src/reconcile/revision-feed.ts";
import { type RevisionEntry, readRevisionsAfter } from "../../src/store/revisions.ts";
import {
  ALL_CAPABILITIES,
  CLUSTER,
  type ControlPlane,
  connectScriptedProxy,
  serviceRequest,
  startControlPlane,
} from "../support/control-plane.ts";

suite("what a proxy is told", () => {
  let plane: ControlPlane;
  setup(async () => {
    plane = await startControlPlane();
    await connectScriptedProxy(plane, { token: await plane.token() }).synced();
  });
  teardown(() => plane.close());

  /** A feed that says what the test wants it to. */
  function manualFeed() {
    let listener: (entries: readonly RevisionEntry[]) => void = () => {};
    const feed: RevisionFeed = {
      position: () => 0,
      onEntries(one) {
        listener = one;
        return () => {};
      },
      onWake: () => () => {},
      close: async () => {},
    };
    return { feed, say: (...entries: RevisionEntry[]) => listener(entries) };
  }

  // The services were read at revision 2 when the feed had said 1, and what it then said about 2 counted as known.
  test("gRPC weakness 13: a change that is committed while another one is read is told, too", async () => {
    const { feed, say } = manualFeed();
    const stop = new AbortController();
    const messages = followMappings({
      store: plane.store,
      feed,
      loads: createMappingLoads(plane.store),
      audience: {
        cluster: CLUSTER,
        accountId: null,
        capabilities: ALL_CAPABILITIES,
        needsOneTimeTokens: false,
        understandsRevisions: true,
      },
      signal: stop.signal,
      nowMs: plane.context.nowMs,
    });
    const next = async () => {
      const { value } = await messages.next();
      const { mappings, revision } = value as MappingMessage;
      return { names: mappings.map(({ name }) => name), revision };
    };
    const start = await next();
    const a = await plane.service("a");
    const b = await plane.service("b");
    const entries = await readRevisionsAfter(plane.store.db, start.revision, 10);
    const waiting = next();
    say(entries[0]!);
    // Only what the feed has said is promised, although the services were read later.
    assert.deepEqual(await waiting, { names: ["a"], revision: a.revision });
    const second = next();
    say(entries[1]!);
    assert.deepEqual(await second, { names: ["b"], revision: b.revision });
    stop.abort();
    await messages.return(undefined);
  });

  test("proxies that are told the same share the message; one that holds something else gets its own", async () => {
    const a = await plane.service("a");
    const loads = createMappingLoads(plane.store);
    const stop = new AbortController();
    const follow = async (resumeAfter?: ResumePoint) => {
      const { feed, say } = manualFeed();
      const messages = followMappings({
        store: plane.store,
        feed,
        loads,
        audience: {
          cluster: CLUSTER,
          accountId: null,
          capabilities: ALL_CAPABILITIES,
          needsOneTimeTokens: false,
          understandsRevisions: true,
        },
        resumeAfter,
        signal: stop.signal,
        nowMs: plane.context.nowMs,
      });
      await messages.next();
      return { messages, say };
    };
    const [one, other] = [await follow(), await follow()];
    const changed = await updateService(
      plane.context,
      plane.actor,
      a.id,
      serviceRequest("a", { enabled: false }),
    );
    const entries = await readRevisionsAfter(plane.store.db, a.revision, 10);
    const told = async ({ messages, say }: Awaited<ReturnType<typeof follow>>) => {
      const next = messages.next();
      say(...entries);
      return (await next).value as MappingMessage;
    };
    const [first, second] = [await told(one), await told(other)];
    assert.equal(first, second);
    assert.equal(first.revision, changed.revision);
    assert.deepEqual(
      first.mappings.map(({ id, type }) => [id, type]),
      [[a.id, management.ProxyMappingUpdateType.UPDATE_TYPE_REMOVED]],
    );
    assert.equal(syncResponse(first), syncResponse(second));
    // Both are told of it again, but only the first one has it no more; the late one never had it.
    await updateService(plane.context, plane.actor, a.id, serviceRequest("a"));
    const late = await follow();
    await updateService(plane.context, plane.actor, a.id, serviceRequest("a", { name: "again" }));
    entries.splice(0, entries.length, ...(await readRevisionsAfter(plane.store.db, changed.revision, 10)));
    const type = ({ mappings }: MappingMessage) => mappings.map((mapping) => mapping.type);
    assert.deepEqual(type(await told(one)), [management.ProxyMappingUpdateType.UPDATE_TYPE_CREATED]);
    assert.deepEqual(type(await told(late)), [management.ProxyMappingUpdateType.UPDATE_TYPE_MODIFIED]);
    stop.abort();
  });

  test("gRPC weakness 4: proxies that need the same at the same time share one reading", async () => {
    const loads = createMappingLoads(plane.store);
    const a = await plane.service("a");
    const change = new Map([[a.id as string, { accountId: plane.account, revision: a.revision }]]);
    const [one, other] = await Promise.all([loads.changed(change), loads.changed(new Map(change))]);
    assert.equal(one, other);
    const later = new Map([[a.id as string, { accountId: plane.account, revision: a.revision + 1 }]]);
    assert.notEqual(await loads.changed(later), one);
    const snapshot = await loads.snapshot(CLUSTER, null);
    assert.equal(await loads.snapshot(CLUSTER.toUpperCase(), null), snapshot);
    await plane.service("b");
    const newer = await loads.snapshot(CLUSTER, null);
    assert.deepEqual(
      newer.services.map(({ name }) => name),
      ["a", "b"],
    );
    assert.equal((await loads.snapshot(CLUSTER, "other" as never)).services.length, 0);
  });
});
