import type { Db } from "./transaction.ts";

/** How many failures are answered as what they are; a leaky bucket. */
export interface FailureBudget {
  /** Keeps the keys of one concern apart from those of another. */
  name: string;
  /** So many failures in a row. */
  burst: number;
  /** One more is allowed after each. */
  refillMs: number;
}

/** No budget here takes longer to be whole again. */
const FORGOTTEN_MS = 24 * 3_600_000;

/**
 * Notes a failure of `key`, in one statement: failures on several servers at once are all counted. What is refused costs
 * nothing more, so that a flood ends with its last try.
 *
 * @returns false when the key has used up its budget
 */
export async function chargeFailure(
  db: Db,
  { name, burst, refillMs }: FailureBudget,
  key: string,
  nowMs: number,
): Promise<boolean> {
  const drained = "(failure_budgets.level - (excluded.at_ms - failure_budgets.at_ms) * 1.0 / ?)";
  const level = `(case when ${drained} > 0 then ${drained} else 0 end + 1)`;
  const result = await db.raw(
    `insert into failure_budgets ("key", level, at_ms) values (?, 1, ?)
     on conflict ("key") do update set level = ${level}, at_ms = excluded.at_ms where ${level} <= ?
     returning level`,
    [`${name} ${key}`, nowMs, refillMs, refillMs, refillMs, refillMs, burst],
  );
  const rows: unknown[] = Array.isArray(result) ? result : result.rows;
  return rows.length > 0;
}

/** True while the key has no budget left. Asking costs nothing. */
export async function isBudgetExhausted(
  db: Db,
  { name, burst, refillMs }: FailureBudget,
  key: string,
  nowMs: number,
): Promise<boolean> {
  const row = await db("failure_budgets")
    .where({ key: `${name} ${key}` })
    .first();
  if (!row) return false;
  return Math.max(0, Number(row.level) - (nowMs - Number(row.at_ms)) / refillMs) > burst - 1;
}

/** Takes one failure back: what was charged in advance turned out well. */
export async function refundFailure(db: Db, { name }: FailureBudget, key: string): Promise<void> {
  await db("failure_budgets")
    .where({ key: `${name} ${key}` })
    .update({ level: db.raw("case when level > 1 then level - 1 else 0 end") });
}

export async function deleteOldFailureBudgets(db: Db, nowMs: number): Promise<void> {
  await db("failure_budgets")
    .where("at_ms", "<", nowMs - FORGOTTEN_MS)
    .delete();
}
