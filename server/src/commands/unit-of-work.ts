import { AsyncLocalStorage } from "node:async_hooks";
import type { Knex } from "knex";
import { type Db, inTransaction } from "../store/transaction.ts";
import type { CommandContext, CommandOptions } from "./context.ts";

/** Several commands, and the reads between them, in one transaction. */
interface UnitOfWork {
  readonly trx: Knex.Transaction;
  /** Set when a command inside wants proxies and agents to be woken up. */
  changed: boolean;
  /** False once the transaction has ended: what still runs then (a lookup nobody waits for) is on its own. */
  open: boolean;
  /** Everything is rolled back at its end, so that what is inside need not do it. */
  readonly dryRun: boolean;
}

const units = new AsyncLocalStorage<UnitOfWork>();

function currentUnit(): UnitOfWork | undefined {
  const unit = units.getStore();
  return unit?.open ? unit : undefined;
}

/** Whether the caller's writes are committed later than its own end. */
export function isInsideUnit(): boolean {
  return currentUnit() !== undefined;
}

/**
 * Whether a unit around the caller will be rolled back. A command that rolled back by itself would take away what the
 * answer to a dry run is then read from.
 */
export function isInsideDryRun(): boolean {
  return currentUnit()?.dryRun ?? false;
}

/**
 * The same context, for callers that may run inside {@link inUnitOfWork}: its database is then the unit's transaction,
 * where a command's own transaction becomes a savepoint, and wake-ups wait for the commit.
 * The database is a view on whichever connection applies, so it may be kept in a variable.
 */
export function joinableContext(context: CommandContext): CommandContext {
  const { store } = context;
  const db = new Proxy(store.db, {
    apply: (root, _this, args) =>
      Reflect.apply((currentUnit()?.trx ?? root) as unknown as () => unknown, undefined, args),
    get(root, key) {
      const target = currentUnit()?.trx ?? root;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as Db;
  const changes: typeof store.changes = {
    ...store.changes,
    changed() {
      const unit = currentUnit();
      if (unit) unit.changed = true;
      else store.changes.changed();
    },
  };
  return { ...context, nowMs: () => context.nowMs(), store: { ...store, db, changes } };
}

/**
 * Runs `body` as one unit: everything that commands of a {@link joinableContext} do inside is committed together, or not
 * at all when `body` throws. A unit inside a unit is a savepoint of the outer one.
 *
 * @param context a joinable one
 * @param options.dryRun everything is rolled back at the end, and nobody is woken up
 */
export async function inUnitOfWork<T>(
  context: CommandContext,
  { dryRun = false }: CommandOptions,
  body: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  let changed = false;
  const result = await inTransaction(
    context.store.db,
    async (trx) => {
      const unit: UnitOfWork = { trx, changed: false, open: true, dryRun };
      try {
        return await units.run(unit, () => body(trx));
      } finally {
        unit.open = false;
        changed = unit.changed;
      }
    },
    { dryRun },
  );
  if (changed && !dryRun) context.store.changes.changed();
  return result;
}
