import type { Knex } from "knex";
import { translateDriverError } from "./driver-errors.ts";

/** A connection or a transaction. Inside {@link inTransaction} every call takes the transaction, never the store's own. */
export type Db = Knex;

/** Ends the transaction without keeping anything, and hands `result` to the caller. */
class RolledBack<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super("rolled back on purpose");
    this.result = result;
  }
}

/**
 * One command, one transaction: all of `work` or nothing. There is one writer at a time, on PostgreSQL over all servers:
 * what a command has checked still holds when it writes.
 *
 * @param options.dryRun runs everything, constraints included, then rolls back and still returns the result
 * @throws AppError `storage.full`, `storage.unreadable` or `storage.unreachable` for the driver's failures, and whatever
 *   `work` throws
 */
export async function inTransaction<T>(
  db: Db,
  work: (trx: Knex.Transaction) => Promise<T>,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<T> {
  const run = () =>
    transact(db, async (trx) => {
      if (isPostgres(db)) await trx.raw("select pg_advisory_xact_lock(?)", [WRITER_LOCK]);
      const result = await work(trx);
      if (dryRun) throw new RolledBack(result);
      return result;
    });
  // Writers wait for each other outside of the pool, so that they leave connections to those who read.
  return isPostgres(db) ? queued(db, run) : run();
}

/** Several reads that see one moment of the database. Nothing is written. */
export async function inSnapshot<T>(db: Db, work: (trx: Knex.Transaction) => Promise<T>): Promise<T> {
  return transact(db, work, isPostgres(db) ? { isolationLevel: "repeatable read", readOnly: true } : {});
}

/** Any number; only the servers of one database need to agree on it. */
const WRITER_LOCK = 0x6e62;

export function isPostgres(db: Db): boolean {
  return db.client.config.client === "pg";
}

async function transact<T>(
  db: Db,
  work: (trx: Knex.Transaction) => Promise<T>,
  config: Knex.TransactionConfig = {},
): Promise<T> {
  let failure: unknown;
  try {
    return await db.transaction(
      (trx) =>
        work(trx).catch((error) => {
          failure = error;
          throw error;
        }),
      config,
    );
  } catch (error) {
    if (error instanceof RolledBack) return error.result as T;
    // A full disk makes SQLite roll back by itself; the driver then complains that there is nothing to roll back, which
    // must not hide what happened.
    throw translateDriverError(failure ?? error);
  }
}

/** The last writer of each database, settled or not. */
const writers = new WeakMap<object, Promise<unknown>>();

function queued<T>(db: Db, run: () => Promise<T>): Promise<T> {
  const before = writers.get(db.client) ?? Promise.resolve();
  const result = before.then(run, run);
  writers.set(
    db.client,
    result.catch(() => {}),
  );
  return result;
}
