import type { AuditEvent } from "../store/audit-events.ts";

/**
 * Leaves out that the same user joined by the same initiator once more: an invitation may be redeemed twice.
 * Source: reference §4.12.
 *
 * @param events newest first; the newest of a pair stays
 */
export function withoutRepeatedJoins(events: readonly AuditEvent[]): AuditEvent[] {
  const pairs = new Set<string>();
  return events.filter(({ activityCode, initiatorId, targetId }) => {
    if (activityCode !== "user.join") return true;
    const pair = JSON.stringify([initiatorId, targetId]);
    if (pairs.has(pair)) return false;
    pairs.add(pair);
    return true;
  });
}
