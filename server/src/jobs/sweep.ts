import type { CommandContext } from "../commands/context.ts";
import { deleteAccessLogsBefore } from "../store/access-logs.ts";
import { deleteExpiredOneTimeTokens } from "../store/one-time-tokens.ts";
import { deleteForgottenProxies } from "../store/proxies.ts";

const DAY_MS = 86_400_000;

/** Removes what has run out: access logs, one-time tokens, and proxies that nobody has heard of for an hour. */
export async function sweep(
  { store, nowMs }: CommandContext,
  { accessLogRetentionDays }: { accessLogRetentionDays: number },
): Promise<void> {
  const now = nowMs();
  await deleteExpiredOneTimeTokens(store.db, now);
  if ((await deleteForgottenProxies(store.db, now)) > 0) store.changes.changed();
  if (accessLogRetentionDays >= 0)
    await deleteAccessLogsBefore(store.db, now - accessLogRetentionDays * DAY_MS);
}
