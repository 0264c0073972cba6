import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import knex from "knex";
import { createSecretBox, type SecretBox } from "../secrets/secret-box.ts";
import { type ChangeSignal, createChangeSignal } from "./change-signal.ts";
import { translateDriverError } from "./driver-errors.ts";
import { migrationSource } from "./migrations/index.ts";
import { ensureState } from "./server-state.ts";
import { sqliteClient } from "./sqlite-client.ts";
import type { Db } from "./transaction.ts";

export interface Store {
  readonly db: Db;
  /** Seals and opens the columns that hold private keys. */
  readonly secrets: SecretBox;
  readonly changes: ChangeSignal;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** The SQLite file; it is made when missing. */
  path: string;
  /** 32 bytes. */
  encryptionKey: Uint8Array;
  /** How long a writer waits for another process's transaction. */
  busyTimeoutMs?: number;
}

/** What we use of better-sqlite3's connection. */
interface SqliteConnection {
  pragma(source: string): unknown;
  prepare(sql: string): { pluck(): { all(): unknown[] } };
}

/**
 * Opens the database and brings its schema up to date.
 * @throws AppError `storage.unreadable` naming the file, or `storage.full`
 */
export async function openStore({ path, encryptionKey, busyTimeoutMs = 5000 }: StoreOptions): Promise<Store> {
  const secrets = createSecretBox(encryptionKey);
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
          done(null, connection);
        } catch (error) {
          done(error, connection);
        }
      },
    },
  });
  try {
    await migrate(db, path, busyTimeoutMs);
    await ensureState(db, "epoch", randomUUID());
    await checkKey(db, secrets, path);
  } catch (error) {
    await db.destroy().catch(() => {});
    throw error instanceof AppError ? error : namesFile(translateDriverError(error, where), path);
  }
  return {
    db,
    secrets,
    changes: createChangeSignal(),
    close: () => db.destroy(),
  };
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

/** A wrong key would show only when a private key is needed, perhaps weeks later; so it is tried at once. */
async function checkKey(db: Db, secrets: SecretBox, path: string): Promise<void> {
  const purpose = "server.key_check";
  const sealed = await ensureState(db, "key_check", secrets.seal("key check", purpose));
  try {
    secrets.open(sealed, purpose);
  } catch (error) {
    throw new AppError("storage.unreadable", `the encryption key does not belong to the database ${path}`, {
      cause: error,
      hint: "Put the key file back that was made together with the database (NB_SERVER_ENCRYPTION_KEY_FILE).",
    });
  }
}

/** Waits for another process that migrates; a lock that outlives the wait was left behind by a crash. */
async function migrate(db: Db, path: string, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const [, pending] = await db.migrate.list({ migrationSource });
      // Taking the migration lock writes; a server that has nothing to migrate should start with little space.
      if (pending.length > 0) await db.migrate.latest({ migrationSource });
      return;
    } catch (error) {
      if (/migration directory is corrupt/.test((error as Error).message)) throw madeByAnother(path, error);
      if ((error as Error).name !== "MigrationLocked") throw error;
      if (Date.now() > deadline) await db.migrate.forceFreeMigrationsLock({ migrationSource });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function madeByAnother(path: string, cause: unknown): AppError {
  return new AppError(
    "storage.unreadable",
    `${path} was made by a newer version of the server: it has migrations that this one does not know`,
    {
      cause,
      hint: "Start the version that was used last, or restore the backup that was made before the update.",
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
