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
 * One command, one transaction: all of `work` or nothing.
 *
 * @param options.dryRun runs everything, constraints included, then rolls back and still returns the result
 * @throws AppError `storage.full` or `storage.unreadable` for the driver's failures, and whatever `work` throws
 */
export async function inTransaction<T>(
  db: Db,
  work: (trx: Knex.Transaction) => Promise<T>,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<T> {
  let failure: unknown;
  try {
    return await db.transaction(async (trx) => {
      const result = await work(trx).catch((error) => {
        failure = error;
        throw error;
      });
      if (dryRun) throw new RolledBack(result);
      return result;
    });
  } catch (error) {
    if (error instanceof RolledBack) return error.result as T;
    // A full disk makes SQLite roll back by itself; the driver then complains that there is nothing to roll back, which
    // must not hide what happened.
    throw translateDriverError(failure ?? error);
  }
}
