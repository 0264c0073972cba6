import { randomUUID } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";
import { fixedKeyring, type Keyring, sealingKey } from "../secrets/keyring.ts";
import { createSecretBox, namedKeyId, type SecretBox } from "../secrets/secret-box.ts";
import type { ChangeSignal } from "./change-signal.ts";
import type { Engine } from "./engine/engine.ts";
import { openPostgres } from "./engine/postgres.ts";
import { openSqlite } from "./engine/sqlite.ts";
import { migrationSource } from "./migrations/index.ts";
import { readReplacedKeys } from "./replaced-keys.ts";
import { ensureState } from "./server-state.ts";
import type { Db } from "./transaction.ts";

export interface Store {
  readonly db: Db;
  /** Seals and opens the columns that hold private keys. */
  readonly secrets: SecretBox;
  /** The keys that {@link secrets} works with. */
  readonly keyring: Keyring;
  readonly changes: ChangeSignal;
  /** Other servers may work on the database at the same time. */
  readonly shared: boolean;
  close(): Promise<void>;
}

export interface StoreOptions {
  /** A SQLite file, or the URL of a PostgreSQL database (`postgres://...`). */
  database: string;
  /** The keys, or a single one of 32 bytes. */
  encryptionKey: Keyring | Uint8Array;
  /** How long a writer waits for another process's transaction or migration. */
  busyTimeoutMs?: number;
  /** How long a PostgreSQL database that does not answer yet is waited for. */
  patienceMs?: number;
}

export function isPostgresUrl(database: string): boolean {
  return /^postgres(ql)?:\/\//i.test(database);
}

/**
 * Opens the database and brings its schema up to date.
 * @throws AppError `storage.unreadable` or `storage.unreachable` naming the database, or `storage.full`
 */
export async function openStore({
  database,
  encryptionKey,
  busyTimeoutMs = 5000,
  patienceMs = 30_000,
}: StoreOptions): Promise<Store> {
  const keyring =
    encryptionKey instanceof Uint8Array
      ? fixedKeyring([sealingKey(encryptionKey)], "the given encryption key")
      : encryptionKey;
  const secrets = createSecretBox(keyring);
  const engine = isPostgresUrl(database)
    ? await openPostgres({ url: database, patienceMs })
    : openSqlite({ path: database, busyTimeoutMs });
  try {
    await migrate(engine, busyTimeoutMs);
    await ensureState(engine.db, "epoch", randomUUID());
    keyring.replaced(await readReplacedKeys(engine.db));
    await checkKey(engine, keyring, secrets);
  } catch (error) {
    await engine.close().catch(() => {});
    throw error instanceof AppError ? error : engine.explain(error);
  }
  const { db, changes, shared } = engine;
  return { db, secrets, keyring, changes, shared, close: () => engine.close() };
}

/** A wrong key would show only when a private key is needed, perhaps weeks later; so it is tried at once. */
async function checkKey({ db, where }: Engine, keyring: Keyring, secrets: SecretBox): Promise<void> {
  const purpose = "server.key_check";
  const sealed = await ensureState(db, "key_check", secrets.seal("key check", purpose));
  try {
    secrets.open(sealed, purpose);
  } catch (error) {
    const needed = namedKeyId(sealed);
    const had = keyring.known().map(({ id }) => id);
    throw new AppError(
      "storage.unreadable",
      `the encryption key does not belong to ${where}: ${keyring.where} has ${had.join(", ")}${needed ? `, the database needs ${needed}` : ""}`,
      {
        cause: error,
        hint: "Put the key file back that was made together with the database (NB_SERVER_ENCRYPTION_KEY_FILE); after a rotation, copy it from the server where `key rotate` ran.",
      },
    );
  }
}

/** Waits for another process that migrates; a lock that outlives the wait was left behind by a crash. */
async function migrate({ db, where }: Engine, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    try {
      const [, pending] = await db.migrate.list({ migrationSource });
      // Taking the migration lock writes; a server that has nothing to migrate should start with little space.
      if (pending.length > 0) await db.migrate.latest({ migrationSource });
      return;
    } catch (error) {
      if (/migration directory is corrupt/.test((error as Error).message)) throw madeByAnother(where, error);
      if (!isMigrationRace(error)) throw error;
      if (Date.now() > deadline) await db.migrate.forceFreeMigrationsLock({ migrationSource });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Somebody else migrates, or made knex's own tables in the same moment (PostgreSQL: 23505, 42P07 and 42710). */
function isMigrationRace(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: string };
  return name === "MigrationLocked" || code === "23505" || code === "42P07" || code === "42710";
}

function madeByAnother(where: string, cause: unknown): AppError {
  return new AppError(
    "storage.unreadable",
    `${where} was made by a newer version of the server: it has migrations that this one does not know`,
    {
      cause,
      hint: "Start the version that was used last, or restore the backup that was made before the update.",
    },
  );
}
