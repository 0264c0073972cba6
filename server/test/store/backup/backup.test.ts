import assert from "node:assert/strict";
import { join } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { insertAccessLogs } from "../../../src/store/access-logs.ts";
import { backupTables, leftOut } from "../../../src/store/backup/backup-tables.ts";
import { readBackup } from "../../../src/store/backup/read-backup.ts";
import { writeBackup } from "../../../src/store/backup/write-backup.ts";
import { openStore, type Store } from "../../../src/store/open.ts";
import { epoch } from "../../../src/store/revisions.ts";
import { accessLogEntry } from "../../support/access-log-entry.ts";
import { engine, makeDatabase, type TestDatabase, tableNames } from "../../support/database.ts";
import { writeRoutes } from "../../support/request-bodies.ts";
import { type RestServer, startRestServer } from "../../support/rest-server.ts";

const encryptionKey = new Uint8Array(32).fill(1);

suite("a backup", () => {
  let server: RestServer;
  const open: { close(): Promise<void> }[] = [];
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    // Something of everything.
    await writeRoutes(server);
    await insertAccessLogs(
      server.store.db,
      Array.from({ length: 250 }, (_, n) => accessLogEntry(server.account, `log-${n}`)),
    );
  });
  teardown(async () => {
    for (const one of open.splice(0).reverse()) await one.close();
    await server.close();
  });

  async function emptyStore(database?: string): Promise<Store> {
    const made: TestDatabase = await makeDatabase();
    const store = await openStore({ database: database ?? made.database, encryptionKey });
    open.push({ close: () => made.drop() }, store);
    return store;
  }

  async function backup(accessLogs = true): Promise<string[]> {
    const lines: string[] = [];
    for await (const text of writeBackup(server.store.db, { accessLogs, nowMs: server.nowMs })) {
      lines.push(...text.split("\n").filter(Boolean));
    }
    return lines;
  }
  async function* each(lines: readonly string[]): AsyncGenerator<string> {
    yield* lines;
  }

  /** What is kept, the same for both engines: numbers as text, booleans as 0 and 1. */
  async function rowsOf(store: Store): Promise<Record<string, string[]>> {
    const rows: Record<string, string[]> = {};
    for (const { name } of backupTables) {
      if (name === "server_state") continue;
      const all = await store.db(name);
      rows[name] = all
        .map((row) =>
          JSON.stringify(
            Object.entries(row)
              .map(([column, value]) => [
                column,
                value === null ? null : String(typeof value === "boolean" ? Number(value) : value),
              ])
              .sort(),
          ),
        )
        .sort();
    }
    return rows;
  }

  async function refused(lines: readonly string[], store: Store): Promise<AppError> {
    const before = await rowsOf(store);
    const error = await readBackup(store, each(lines)).then(
      () => assert.fail("it was restored"),
      (failure) => failure,
    );
    assert.ok(error instanceof AppError, String(error));
    assert.deepEqual(await rowsOf(store), before);
    return error;
  }

  test("covers every table, or says why not", async () => {
    const names = [...backupTables.map(({ name }) => name), ...Object.keys(leftOut)].sort();
    assert.deepEqual(names, await tableNames(server.store.db));
  });

  test("restores every row, and the log starts anew", async () => {
    const store = await emptyStore();
    const lines = await backup();
    assert.equal(await readBackup(store, each(lines)), lines.length - 2);
    assert.deepEqual(await rowsOf(store), await rowsOf(server.store));
    assert.notEqual(await epoch(store.db), await epoch(server.store.db));
    assert.equal((await store.db("access_logs")).length, 250);
  });
  test("leaves access logs out unless they are asked for", async () => {
    const store = await emptyStore();
    await readBackup(store, each(await backup(false)));
    assert.deepEqual(await store.db("access_logs"), []);
    assert.notDeepEqual(await store.db("audit_events"), []);
  });

  if (engine === "postgres") {
    test("moves a server from SQLite to PostgreSQL and back", async () => {
      const made = await makeDatabase();
      open.push({ close: () => made.drop() });
      const sqlite = await emptyStore(join(made.folder, "moved.db"));
      await readBackup(sqlite, each(await backup()));
      assert.deepEqual(await rowsOf(sqlite), await rowsOf(server.store));
      const lines: string[] = [];
      for await (const text of writeBackup(sqlite.db, { accessLogs: true, nowMs: 0 })) {
        lines.push(...text.split("\n").filter(Boolean));
      }
      const back = await emptyStore();
      await readBackup(back, each(lines));
      assert.deepEqual(await rowsOf(back), await rowsOf(server.store));
      // New events get numbers of their own.
      await back.db("audit_events").insert({
        account_id: server.account,
        timestamp: 1,
        activity_code: "group.add",
        initiator_id: "",
        initiator_name: "",
        initiator_email: "",
        target_id: "",
        meta: "{}",
      });
    });
  }

  test("is not written over what is there, unless that is said", async () => {
    const lines = await backup();
    const error = await refused(lines, server.store);
    assert.equal(error.code, "backup.database_not_empty");
    await server.call("POST", "/groups", { name: "later" });
    await readBackup(server.store, each(lines), { force: true });
    const { body } = await server.call("GET", "/groups");
    assert.ok(!body.some(({ name }: { name: string }) => name === "later"));
    assert.equal((await server.call("POST", "/groups", { name: "afterwards" })).status, 200);
  });

  test("that is damaged, cut off or somebody else's changes nothing", async () => {
    const store = await emptyStore();
    const lines = await backup();
    const cases: [string, string[], RegExp][] = [
      ["empty", [], /empty/],
      ["cut off", lines.slice(0, -1), /cut off/],
      [
        "a row is missing",
        lines.filter((line) => !line.includes('"table":"peers"')),
        /do not fit together|cut off/,
      ],
      [
        "one value is another",
        lines.map((line) => line.replace("owner@example.com", "other@example.com")),
        /hash/,
      ],
      ["no JSON", lines.map((line, n) => (n === 20 ? line.slice(5) : line)), /line 21 is no JSON/],
      ["another program's", ['{"dump":true}', ...lines.slice(1)], /backup command/],
      [
        "another column",
        lines.map((line) => line.replace('"dns_label"', '"dns_name"')),
        /no column dns_name/,
      ],
      [
        "a table of nobody",
        lines.map((line) => line.replace('"table":"peers"', '"table":"secrets"')),
        /no row of ours/,
      ],
      [
        "a newer version's",
        lines.map((line, n) => (n === 0 ? line.replace('"migrations":[', '"migrations":["9999-x",') : line)),
        /newer version/,
      ],
    ];
    for (const [what, damaged, message] of cases) {
      const error = await refused(damaged, store);
      assert.equal(error.code, "backup.unusable", what);
      assert.match(error.message, message, what);
    }
  });

  test("of another encryption key is refused", async () => {
    const made = await makeDatabase();
    const store = await openStore({ database: made.database, encryptionKey: new Uint8Array(32).fill(9) });
    open.push({ close: () => made.drop() }, store);
    const error = await refused(await backup(), store);
    assert.match(error.message, /another key/);
    assert.match(error.hint, /NB_SERVER_ENCRYPTION_KEY_FILE/);
  });
});
