import type { CommandContext } from "../commands/context.ts";
import { deleteAuditEventsBefore } from "../store/audit-events.ts";

const DAY_MS = 86_400_000;
/** Small enough that a request that comes in the middle hardly notices. */
const STEP = 2_000;

/**
 * Deletes audit events that are too old, of every account, in small steps that let others write in between.
 * @param retentionDays 0: for ever
 * @returns how many
 */
export async function trimAuditEvents(
  { store: { db }, nowMs }: CommandContext,
  retentionDays: number,
): Promise<number> {
  if (retentionDays === 0) return 0;
  const beforeMs = nowMs() - retentionDays * DAY_MS;
  for (let deleted = 0; ; ) {
    const step = await deleteAuditEventsBefore(db, beforeMs, STEP);
    deleted += step;
    if (step === 0) return deleted;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
