import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccountId } from "@netbird-proxy/proto";
import { AppError } from "@netbird-proxy/proto";
import knex from "knex";
import { openStore } from "../../src/store/open.ts";
import {
  appendRevision,
  canResumeAfter,
  currentRevision,
  epoch,
  pruneRevisions,
  readRevisionsAfter,
} from "../../src/store/revisions.ts";
import { sqliteClient } from "../../src/store/sqlite-client.ts";
import { inTransaction } from "../../src/store/transaction.ts";

const encryptionKey = new Uint8Array(32).fill(7);
const account = "acc" as AccountId;
const entry = {
  accountId: account,
  kind: "service",
  objectId: "s1",
  operation: "modified",
  createdAt: 1,
} as const;

suite("the store", () => {
  let folder = "";
  let path = "";
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "store-"));
    path = join(folder, "state", "server.db");
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  test("keeps its epoch over a restart, and a new file has another one", async () => {
    const first = await openStore({ database: path, encryptionKey });
    const before = await epoch(first.db);
    await first.close();
    const again = await openStore({ database: path, encryptionKey });
    assert.equal(await epoch(again.db), before);
    await again.close();
    const other = await openStore({ database: `${path}.2`, encryptionKey });
    assert.notEqual(await epoch(other.db), before);
    await other.close();
  });

  test("a file that is no database is named, with what to do", async () => {
    const notADatabase = join(folder, "notes.txt");
    writeFileSync(notADatabase, "shopping list\n".repeat(200));
    await assert.rejects(openStore({ database: notADatabase, encryptionKey }), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "storage.unreadable");
      assert.ok(error.message.includes(notADatabase));
      assert.match(error.hint, /backup/);
      return true;
    });
  });

  test("another program's database is refused and left as it is", async () => {
    mkdirSync(join(folder, "state"));
    const foreign = knex({
      client: sqliteClient,
      connection: { filename: path },
      useNullAsDefault: true,
    });
    await foreign.schema.createTable("customers", (table) => table.increments());
    await foreign.destroy();
    const before = readFileSync(path);
    await assert.rejects(openStore({ database: path, encryptionKey }), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "storage.unreadable");
      assert.match(error.message, /server\.db is the database of another program \(.*customers/);
      assert.match(error.hint, /NB_SERVER_DATABASE/);
      return true;
    });
    assert.deepEqual(readFileSync(path), before);
  });

  test("a database of a newer version says which version is needed", async () => {
    const store = await openStore({ database: path, encryptionKey });
    await store.db("knex_migrations").insert({ name: "9999-later", batch: 2 });
    await store.close();
    await assert.rejects(openStore({ database: path, encryptionKey }), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "storage.unreadable");
      assert.match(error.message, /server\.db was made by a newer version/);
      assert.match(error.hint, /Start the version that was used last/);
      return true;
    });
  });

  test("two processes that write at once wait for each other", async () => {
    const [left, right] = [
      await openStore({ database: path, encryptionKey, busyTimeoutMs: 50 }),
      await openStore({ database: path, encryptionKey, busyTimeoutMs: 50 }),
    ];
    try {
      // Read, then write, in two transactions that overlap: deferred ones would fail with SQLITE_BUSY_SNAPSHOT.
      const bump = (db: typeof left.db) =>
        inTransaction(db, async (trx) => {
          await currentRevision(trx);
          await appendRevision(trx, entry);
        });
      await bump(left.db);
      await bump(right.db);
      await left.db.transaction(async (trx) => {
        await currentRevision(trx);
        await assert.rejects(
          inTransaction(right.db, async (other) => {
            await other.raw("select 1");
          }),
          /locked|busy/i,
          "the second writer must not even start",
        );
      });
      assert.equal(await currentRevision(left.db), 2);
    } finally {
      await left.close();
      await right.close();
    }
  }).timeout(15_000);

  test("revisions grow, can be read from any point that is still there, and are never used twice", async () => {
    const store = await openStore({ database: path, encryptionKey });
    try {
      for (let n = 1; n <= 5; n += 1) assert.equal(await appendRevision(store.db, entry), n);
      assert.deepEqual(
        (await readRevisionsAfter(store.db, 2, 2)).map(({ revision }) => revision),
        [3, 4],
      );
      await pruneRevisions(store.db, 2);
      assert.equal(await canResumeAfter(store.db, 2), false);
      assert.equal(await canResumeAfter(store.db, 3), true);
      assert.equal(await canResumeAfter(store.db, 5), true);
      assert.equal(await canResumeAfter(store.db, 6), false);
      await store.db("revisions").delete();
      assert.equal(await appendRevision(store.db, entry), 6);
    } finally {
      await store.close();
    }
  });

  test("a crash in the middle of a migration does not lock the server out for ever", async () => {
    const store = await openStore({ database: path, encryptionKey });
    await store.db("knex_migrations_lock").update({ is_locked: 1 });
    await store.db("knex_migrations").delete();
    for (const table of await store.db("sqlite_master").where({ type: "table" }).pluck("name")) {
      if (!table.startsWith("knex_") && !table.startsWith("sqlite_")) {
        await store.db.raw("pragma foreign_keys = off");
        await store.db.schema.dropTable(table);
      }
    }
    await store.close();
    const again = await openStore({ database: path, encryptionKey, busyTimeoutMs: 50 });
    assert.equal(await currentRevision(again.db), 0);
    await again.close();
  });

  test("a dry run leaves nothing behind", async () => {
    const store = await openStore({ database: path, encryptionKey });
    try {
      assert.equal(await inTransaction(store.db, (trx) => appendRevision(trx, entry), { dryRun: true }), 1);
      assert.equal(await currentRevision(store.db), 0);
    } finally {
      await store.close();
    }
  });
});
