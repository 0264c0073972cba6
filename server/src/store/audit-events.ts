import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface AuditEvent {
  id: number;
  accountId: AccountId;
  timestamp: number;
  /** Such as `service.create`. */
  activityCode: string;
  /** A user, a peer, a setup key, or `sys`. */
  initiatorId: string;
  initiatorName: string;
  initiatorEmail: string;
  targetId: string;
  meta: Record<string, string>;
}

const codec = rowCodec<AuditEvent>({
  id: "integer",
  accountId: "text",
  timestamp: "integer",
  activityCode: "text",
  initiatorId: "text",
  initiatorName: "text",
  initiatorEmail: "text",
  targetId: "text",
  meta: "json",
});

export async function appendAuditEvent(db: Db, event: Omit<AuditEvent, "id">): Promise<void> {
  await db("audit_events").insert(codec.toRow(event));
}

/** Newest first. */
export async function listAuditEvents(db: Db, account: AccountId, limit: number): Promise<AuditEvent[]> {
  const rows = await db("audit_events").where({ account_id: account }).orderBy("id", "desc").limit(limit);
  return rows.map(codec.fromRow);
}

/**
 * Looks at the `limit` oldest events, of any account, and deletes those from before `beforeMs`: ids grow with time, so
 * what is not among them is newer, and nothing else is read.
 * @returns how many there were
 */
export async function deleteAuditEventsBefore(db: Db, beforeMs: number, limit: number): Promise<number> {
  const oldest = await db("audit_events").orderBy("id").limit(limit).select("id", "timestamp");
  const last = oldest.findLast(({ timestamp }) => Number(timestamp) < beforeMs);
  if (!last) return 0;
  return db("audit_events").where("id", "<=", last.id).where("timestamp", "<", beforeMs).delete();
}

/** The oldest first, page by page. */
export async function* readAllAuditEvents(
  db: Db,
  account: AccountId,
  pageSize = 1_000,
): AsyncGenerator<AuditEvent[]> {
  let after = 0;
  for (;;) {
    const rows = await db("audit_events")
      .where({ account_id: account })
      .where("id", ">", after)
      .orderBy("id")
      .limit(pageSize);
    yield rows.map(codec.fromRow);
    if (rows.length < pageSize) return;
    after = Number(rows.at(-1).id);
  }
}
