import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type AccountId, AppError } from "@netbird-proxy/proto";
import pg from "pg";
import { openStore, type Store } from "../../../src/store/open.ts";
import { appendRevision, currentRevision, readRevisionsAfter } from "../../../src/store/revisions.ts";
import { inSnapshot, inTransaction } from "../../../src/store/transaction.ts";
import { eventually } from "../../support/control-plane.ts";
import { makeDatabase, type TestDatabase } from "../../support/database.ts";

const encryptionKey = new Uint8Array(32).fill(7);
const entry = {
  accountId: "a" as AccountId,
  kind: "service",
  objectId: "s",
  operation: "modified",
  createdAt: 1,
} as const;

suite("PostgreSQL", () => {
  let made: TestDatabase;
  const stores: Store[] = [];
  setup(async () => {
    made = await makeDatabase();
  });
  teardown(async () => {
    for (const store of stores.splice(0)) await store.close();
    await made.drop();
  });

  async function open(): Promise<Store> {
    const store = await openStore({ database: made.database, encryptionKey });
    stores.push(store);
    return store;
  }

  async function refused(database: string, key = encryptionKey): Promise<AppError> {
    try {
      await (await openStore({ database, encryptionKey: key, patienceMs: 0 })).close();
    } catch (error) {
      assert.ok(error instanceof AppError, String(error));
      assert.doesNotMatch(`${error.message} ${error.hint}`, /very-secret/);
      return error;
    }
    return assert.fail("it was opened");
  }

  function changed(change: (url: URL) => void): string {
    const url = new URL(made.database);
    url.password = "very-secret";
    change(url);
    return url.href;
  }

  test("several servers that start at once agree on one schema and one epoch", async () => {
    const client = new pg.Client({ connectionString: made.database });
    await client.connect();
    await client.query("drop schema public cascade; create schema public");
    await client.end();
    const epochs = await Promise.all(
      Array.from({ length: 4 }, async () =>
        (await open()).db("server_state").where({ key: "epoch" }).first(),
      ),
    );
    assert.equal(new Set(epochs.map(({ value }) => value)).size, 1);
  }).timeout(30_000);

  test("a server that does not answer is named with host and port, without the password", async () => {
    const error = await refused(
      changed((url) => {
        url.port = "1";
      }),
    );
    assert.equal(error.code, "storage.unreachable");
    assert.match(error.message, /test@127\.0\.0\.1:1\/test_/);
    assert.match(error.hint, /NB_SERVER_DATABASE/);
  });

  test("a database that is not there says how to make one", async () => {
    const error = await refused(
      changed((url) => {
        url.pathname = "/missing";
      }),
    );
    assert.equal(error.code, "storage.unreadable");
    assert.match(error.message, /missing/);
    assert.match(error.hint, /createdb/);
  });

  test("another program's database is refused and left as it is", async () => {
    const client = new pg.Client({ connectionString: made.database });
    await client.connect();
    await client.query("drop schema public cascade; create schema public; create table customers (id int)");
    const error = await refused(made.database);
    assert.equal(error.code, "storage.unreadable");
    assert.match(error.message, /another program \(it has the table customers\)/);
    const { rows } = await client.query(
      "select table_name from information_schema.tables where table_schema = 'public'",
    );
    await client.end();
    assert.deepEqual(rows, [{ table_name: "customers" }]);
  });

  test("a key that belongs to another database is refused", async () => {
    await open();
    const error = await refused(made.database, new Uint8Array(32).fill(8));
    assert.match(error.message, /encryption key/);
  });

  test("a server that starts before its database waits for it", async () => {
    const target = new URL(made.database);
    // Somebody else's port until we let go of it, as in a start of everything at once.
    const door = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
    const { port } = door.address() as { port: number };
    const opening = openStore({
      database: changed((url) => {
        url.port = String(port);
      }),
      encryptionKey,
      patienceMs: 20_000,
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await new Promise((resolve) => door.close(resolve));
    const { createConnection } = await import("node:net");
    const relay = createServer((inner) => {
      const outer = createConnection(Number(target.port), target.hostname);
      inner.pipe(outer).pipe(inner);
      for (const socket of [inner, outer]) socket.on("error", () => socket.destroy());
    });
    await new Promise<void>((resolve) => relay.listen(port, "127.0.0.1", resolve));
    const store = await opening;
    assert.equal(await currentRevision(store.db), 0);
    await store.close();
    relay.close();
  }).timeout(30_000);

  test("writers on two servers append in order, without holes, whatever is rolled back", async () => {
    const [left, right] = [await open(), await open()];
    const write = (store: Store, n: number) =>
      inTransaction(store.db, async (trx) => {
        const revision = await appendRevision(trx, entry);
        if (n % 3 === 0) throw new Error("undone");
        // A slow command must not let a later one overtake it.
        if (n % 5 === 0) await trx.raw("select pg_sleep(0.01)");
        return revision;
      }).catch(() => undefined);
    const seen: number[] = [];
    let reading = true;
    const reader = (async () => {
      let position = 0;
      while (reading) {
        const entries = await readRevisionsAfter(left.db, position, 1_000);
        for (const { revision } of entries) seen.push(revision);
        position = seen.at(-1) ?? 0;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    await Promise.all(Array.from({ length: 120 }, (_, n) => write(n % 2 ? left : right, n)));
    await eventually(async () => seen.length === 80);
    reading = false;
    await reader;
    assert.deepEqual(
      seen,
      Array.from({ length: 80 }, (_, n) => n + 1),
    );
  }).timeout(30_000);

  test("what a command has checked still holds when it writes, on another server too", async () => {
    const [left, right] = [await open(), await open()];
    const takeOnce = (store: Store) =>
      inTransaction(store.db, async (trx) => {
        if (await trx("server_state").where({ key: "taken" }).first()) return false;
        await trx.raw("select pg_sleep(0.05)");
        await trx("server_state").insert({ key: "taken", value: "" });
        return true;
      });
    assert.deepEqual((await Promise.all([takeOnce(left), takeOnce(right)])).sort(), [false, true]);
  });

  test("several reads of a snapshot see one moment", async () => {
    const { db } = await open();
    await inSnapshot(db, async (trx) => {
      assert.equal(await currentRevision(trx), 0);
      await inTransaction(db, (other) => appendRevision(other, entry));
      assert.equal(await currentRevision(trx), 0);
    });
    assert.equal(await currentRevision(db), 1);
  });

  test("writers leave connections to readers", async () => {
    const { db } = await open();
    const writers = Promise.all(
      Array.from({ length: 50 }, () =>
        inTransaction(db, async (trx) => {
          await trx.raw("select pg_sleep(0.02)");
        }),
      ),
    );
    let done = false;
    void writers.then(() => {
      done = true;
    });
    for (let n = 0; n < 10; n += 1) await currentRevision(db);
    assert.equal(done, false, "readers had to wait for all writers");
    await writers;
  });

  test("a change wakes the other servers, also after their connection was lost", async () => {
    const [left, right] = [await open(), await open()];
    let woken = 0;
    right.changes.onChange(() => {
      woken += 1;
    });
    // Again and again: what is said before the other one listens is not heard.
    const isHeard = async () => {
      woken = 0;
      left.changes.changed();
      await new Promise((resolve) => setTimeout(resolve, 50));
      return woken > 0;
    };
    await eventually(isHeard);
    const client = new pg.Client({ connectionString: made.database });
    await client.connect();
    await client.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'netbird%' and datname = current_database()",
    );
    await client.end();
    await eventually(isHeard);
    // The pool heals by itself.
    assert.equal(await eventually(() => currentRevision(left.db).catch(() => undefined)), 0);
  }).timeout(20_000);
});
