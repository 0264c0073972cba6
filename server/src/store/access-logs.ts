import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** One request, connection or flow. Text that is not known is empty. */
export interface AccessLogEntry {
  id: string;
  accountId: AccountId;
  serviceId: string;
  timestamp: number;
  method: string;
  host: string;
  path: string;
  durationMs: number;
  statusCode: number;
  sourceIp: string;
  reason: string;
  userId: string;
  authMethod: string;
  bytesUpload: number;
  bytesDownload: number;
  protocol: string;
  countryCode: string;
  cityName: string;
  subdivisionCode: string;
  metadata: Record<string, string>;
}

const codec = rowCodec<AccessLogEntry>({
  id: "text",
  accountId: "text",
  serviceId: "text",
  timestamp: "integer",
  method: "text",
  host: "text",
  path: "text",
  durationMs: "integer",
  statusCode: "integer",
  sourceIp: "text",
  reason: "text",
  userId: "text",
  authMethod: "text",
  bytesUpload: "integer",
  bytesDownload: "integer",
  protocol: "text",
  countryCode: "text",
  cityName: "text",
  subdivisionCode: "text",
  metadata: "json",
});

/** Entries that are there already (a proxy sent them twice) are left as they are. */
export async function insertAccessLogs(db: Db, entries: readonly AccessLogEntry[]): Promise<void> {
  // SQLite takes at most 32,766 bound values per statement.
  for (let at = 0; at < entries.length; at += 500) {
    await db("access_logs")
      .insert(entries.slice(at, at + 500).map((entry) => codec.toRow(entry)))
      .onConflict("id")
      .ignore();
  }
}

/** Newest first. `total` counts all entries of the account. */
export async function listAccessLogs(
  db: Db,
  account: AccountId,
  { offset, limit }: { offset: number; limit: number },
): Promise<{ entries: AccessLogEntry[]; total: number }> {
  const rows = await db("access_logs")
    .where({ account_id: account })
    .orderBy("timestamp", "desc")
    .orderBy("id", "desc")
    .offset(offset)
    .limit(limit);
  const count = await db("access_logs").where({ account_id: account }).count({ n: "*" }).first();
  return { entries: rows.map(codec.fromRow), total: Number(count?.n ?? 0) };
}

export async function deleteAccessLogsBefore(db: Db, beforeMs: number): Promise<number> {
  return db("access_logs").where("timestamp", "<", beforeMs).delete();
}
