import type { CommandContext } from "../commands/context.ts";
import { countAccessLogs, deleteOldestAccessLogs } from "../store/access-logs.ts";

const DAY_MS = 86_400_000;
/** Small enough that a request that comes in the middle hardly notices. */
const STEP = 2_000;

export interface AccessLogLimits {
  /** Negative: for ever. */
  accessLogRetentionDays: number;
  /** Of all accounts together; 0: any number. */
  accessLogMaxEntries: number;
}

/**
 * Deletes what is too old and, beyond the limit, the oldest; in small steps that let others write in between.
 * @returns how many
 */
export async function trimAccessLogs(
  { store: { db }, nowMs }: CommandContext,
  { accessLogRetentionDays: days, accessLogMaxEntries: max }: AccessLogLimits,
): Promise<number> {
  let deleted = 0;
  const remove = async (wanted: number, beforeMs?: number): Promise<void> => {
    for (let left = wanted; left > 0; ) {
      const step = await deleteOldestAccessLogs(db, Math.min(left, STEP), beforeMs);
      deleted += step;
      left -= step;
      if (step < STEP) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  if (days >= 0) await remove(Number.POSITIVE_INFINITY, nowMs() - days * DAY_MS);
  if (max > 0) await remove((await countAccessLogs(db)) - max);
  return deleted;
}
