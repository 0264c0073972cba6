import type { CommandContext } from "../commands/context.ts";
import { deleteAccessLogsBefore } from "../store/access-logs.ts";

const DAY_MS = 86_400_000;

/** @param retention negative days keep them for ever */
export async function deleteOldAccessLogs(
  { store, nowMs }: CommandContext,
  { accessLogRetentionDays: days }: { accessLogRetentionDays: number },
): Promise<void> {
  if (days >= 0) await deleteAccessLogsBefore(store.db, nowMs() - days * DAY_MS);
}
