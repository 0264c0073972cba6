import type { AuditEvent } from "@netbird-proxy/proto/rest";
import { activityText } from "../../domain/activities.ts";
import type { AuditEvent as StoredAuditEvent } from "../../store/audit-events.ts";
import type { User } from "../../store/users.ts";
import { timestamp } from "./timestamp.ts";

/** An event about a user says who that is now. */
export function viewAuditEvent(event: StoredAuditEvent, users: ReadonlyMap<string, User>): AuditEvent {
  const user = users.get(event.targetId);
  return {
    id: String(event.id),
    timestamp: timestamp(event.timestamp),
    activity: activityText(event.activityCode),
    activity_code: event.activityCode,
    initiator_id: event.initiatorId,
    initiator_name: event.initiatorName,
    initiator_email: event.initiatorEmail,
    target_id: event.targetId,
    meta: { ...event.meta, ...(user ? { email: user.email, username: user.name } : {}) },
  };
}
