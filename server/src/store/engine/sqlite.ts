import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import knex from "knex";
import { createChangeSignal } from "../change-signal.ts";
import { translateDriverError } from "../driver-errors.ts";
import { sqliteClient } from "../sqlite-client.ts";
import type { Db } from "../transaction.ts";
import { cacheStatements } from "./cached-statements.ts";
import type { Engine } from "./engine.ts";

export interface SqliteOptions {
  /** It is made when missing. */
  path: string;
  /** How long a writer waits for another process's transaction. */
  busyTimeoutMs: number;
}

/** What we use of better-sqlite3's connection. */
interface SqliteConnection {
  pragma(source: string): unknown;
  prepare(sql: string): { readonly busy: boolean; pluck(): { all(): unknown[] } };
}

/** @throws AppError `storage.unreadable` naming the folder */
export function openSqlite({ path, busyTimeoutMs }: SqliteOptions): Engine {
  const where = `the database ${path}`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new AppError(
      "storage.unreadable",
      `the folder of ${where} cannot be made: ${(error as Error).message}`,
      {
        cause: error,
        hint: "Point NB_SERVER_STATE_DIR (or NB_SERVER_DATABASE) at a folder that the server may write.",
      },
    );
  }
  const db = knex({
    client: sqliteClient,
    connection: { filename: path },
    useNullAsDefault: true,
    // Failures reach the caller; the library need not print them too.
    log: { warn() {}, error() {}, debug() {}, deprecate() {} },
    pool: {
      // SQLite has one writer, and the driver is synchronous: a second connection would only wait.
      min: 1,
      max: 1,
      afterCreate(connection: SqliteConnection, done: (error: unknown, connection: unknown) => void) {
        try {
          connection.pragma(`busy_timeout = ${busyTimeoutMs}`);
          // Before anything that writes: switching to WAL changes the file.
          refuseForeign(connection, path);
          connection.pragma("journal_mode = WAL");
          connection.pragma("synchronous = NORMAL");
          connection.pragma("foreign_keys = ON");
          takeWriteLockFirst(connection);
          cacheStatements(connection);
          done(null, connection);
        } catch (error) {
          done(error, connection);
        }
      },
    },
  });
  return {
    db,
    where,
    shared: false,
    changes: createChangeSignal(),
    explain: (error) => namesFile(translateDriverError(error, where), path),
    close: () => db.destroy(),
  };
}

/**
 * Copies the database as it is at this moment, without making its writers wait, and hands the copy to `use`.
 * @param path where the copy is for as long as it is used
 */
export async function copySqlite(db: Db, path: string, use: (copy: Db) => Promise<void>): Promise<void> {
  rmSync(path, { force: true });
  // SQLite takes an empty file; one that it makes could be read by everybody.
  writeFileSync(path, "", { mode: 0o600 });
  try {
    await db.raw("vacuum into ?", [path]);
    const copy = knex({ client: sqliteClient, connection: { filename: path }, useNullAsDefault: true });
    try {
      await use(copy);
    } finally {
      await copy.destroy();
    }
  } finally {
    rmSync(path, { force: true });
  }
}

/** Somebody else's database would be taken for an empty one of ours and be filled with our tables. */
function refuseForeign(connection: SqliteConnection, path: string): void {
  const tables = connection
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .pluck()
    .all();
  if (tables.length === 0 || tables.includes("knex_migrations")) return;
  throw new AppError(
    "storage.unreadable",
    `${path} is the database of another program (it has the table ${tables[0]})`,
    {
      hint: "Point NB_SERVER_DATABASE (or NB_SERVER_STATE_DIR) at this server's own database, or at a file that does not exist yet.",
    },
  );
}

/**
 * A transaction that starts by reading and then writes fails at once with SQLITE_BUSY when another process wrote in
 * between, whatever the busy timeout. Ours are all for writing, so they ask for the write lock first and wait for it.
 */
function takeWriteLockFirst(connection: SqliteConnection): void {
  const prepare = connection.prepare.bind(connection);
  connection.prepare = (sql) => prepare(sql === "BEGIN;" ? "BEGIN IMMEDIATE;" : sql);
}

function namesFile(error: unknown, path: string): unknown {
  if (!(error instanceof AppError) || error.code !== "storage.unreadable") return error;
  return new AppError(error.code, error.message, {
    cause: error.cause,
    hint: `Check that ${path} is this server's SQLite database and that the server may read and write it; otherwise restore it from a backup, or move it away to start empty.`,
  });
}
