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
