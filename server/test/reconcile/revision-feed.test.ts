import assert from "node:assert/strict";
import type { AccountId } from "@netbird-proxy/proto";
import { pino } from "pino";
import { followRevisions, type RevisionFeed } from "../../src/reconcile/revision-feed.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { appendRevision } from "../../src/store/revisions.ts";
import { eventually } from "../support/control-plane.ts";
import { makeDatabase, type TestDatabase } from "../support/database.ts";

suite("following the revision log", () => {
  let database: TestDatabase;
  let store: Store;
  let feed: RevisionFeed;
  const seen: number[] = [];
  setup(async () => {
    database = await makeDatabase();
    store = await openStore({
      database: database.database,
      encryptionKey: new Uint8Array(32).fill(1),
    });
    await append();
    seen.length = 0;
  });
  teardown(async () => {
    await feed.close();
    await store.close();
    await database.drop();
  });

  const append = () =>
    appendRevision(store.db, {
      accountId: "a" as AccountId,
      kind: "service",
      objectId: "s",
      operation: "modified",
      createdAt: 0,
    });
  async function follow(pollMs: number): Promise<void> {
    feed = await followRevisions({ store, log: pino({ level: "silent" }), pollMs });
    feed.onEntries((entries) => seen.push(...entries.map(({ revision }) => revision)));
  }

  test("hands out every new entry once and in order, however signals and polls meet", async () => {
    await follow(1);
    for (let n = 0; n < 200; n += 1) {
      await append();
      if (n % 3 === 0) store.changes.changed();
    }
    await eventually(async () => seen.length >= 200);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(
      seen,
      Array.from({ length: 200 }, (_, n) => n + 2),
    );
    assert.equal(feed.position(), 201);
  });

  test("a signal makes it look at once, a long poll or not", async () => {
    await follow(60_000);
    await append();
    store.changes.changed();
    await eventually(async () => seen.length === 1, 500);
  });

  test("another process's entries are seen by polling alone", async () => {
    await follow(20);
    await append();
    await eventually(async () => seen.length === 1, 1_000);
  });

  test("a listener that stopped hears nothing more, the others go on", async () => {
    await follow(5);
    let calls = 0;
    const stop = feed.onEntries(() => {
      calls += 1;
      stop();
    });
    await append();
    await eventually(async () => seen.length === 1);
    await append();
    await eventually(async () => seen.length === 2);
    assert.equal(calls, 1);
  });
});
