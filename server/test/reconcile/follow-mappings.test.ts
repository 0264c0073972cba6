import assert from "node:assert/strict";
import { followMappings, type MappingMessage } from "../../src/reconcile/follow-mappings.ts";
import { createMappingLoads } from "../../src/reconcile/mapping-loads.ts";
import type { RevisionFeed } from "../../src/reconcile/revision-feed.ts";
import { type RevisionEntry, readRevisionsAfter } from "../../src/store/revisions.ts";
import {
  ALL_CAPABILITIES,
  CLUSTER,
  type ControlPlane,
  connectScriptedProxy,
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
  test("a change that is committed while another one is read is told, too", async () => {
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

  test("proxies that need the same at the same time share one reading", async () => {
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
