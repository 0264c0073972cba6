import type { Knex } from "knex";
import { appendAuditEvent } from "../store/audit-events.ts";
import { inTransaction } from "../store/transaction.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { isInsideDryRun } from "./unit-of-work.ts";

/** What a command's body works with: one transaction, one point in time. */
export interface Work {
  trx: Knex.Transaction;
  nowMs: number;
  audit(activityCode: string, targetId: string, meta?: Record<string, unknown>): Promise<void>;
}

/**
 * Runs a command: one transaction, its audit events inside, and a wake-up for proxies and agents once it is committed.
 * A dry run goes through the same steps and is rolled back.
 */
export async function runCommand<T>(
  context: CommandContext,
  actor: Actor,
  body: (work: Work) => Promise<T>,
  { dryRun = false }: CommandOptions = {},
): Promise<T> {
  const { auditEventsEnabled } = context;
  const nowMs = context.nowMs();
  const result = await inTransaction(
    context.store.db,
    (trx) =>
      body({
        trx,
        nowMs,
        audit: async (activityCode, targetId, meta = {}) => {
          if (!auditEventsEnabled) return;
          await appendAuditEvent(trx, {
            accountId: actor.account,
            timestamp: nowMs,
            activityCode,
            initiatorId: actor.id,
            initiatorName: actor.name,
            initiatorEmail: actor.email,
            targetId,
            meta: Object.fromEntries(Object.entries(meta).map(([key, value]) => [key, String(value)])),
          });
        },
      }),
    { dryRun: dryRun && !isInsideDryRun() },
  );
  if (!dryRun) context.store.changes.changed();
  return result;
}
