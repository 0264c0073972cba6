import type { AccountId } from "@netbird-proxy/proto";
import type { Knex } from "knex";
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

export const accessLogSortKeys = [
  "timestamp",
  "url",
  "host",
  "path",
  "method",
  "status_code",
  "duration",
  "source_ip",
  "user_id",
  "auth_method",
  "reason",
] as const;
export type AccessLogSortKey = (typeof accessLogSortKeys)[number];

/** Every member that is there has to hold. */
export interface AccessLogFilter {
  /** Part of id, address, host, path or both together, without regard to case; or one of the users. */
  search?: { text: string; userIds: readonly string[] };
  /** Several spellings of one address. */
  sourceIps?: readonly string[];
  host?: string;
  /** Part of it, without regard to case. */
  path?: string;
  method?: string;
  /** None matches nothing. */
  userIds?: readonly string[];
  /** True: 200 to 399. */
  succeeded?: boolean;
  statusCode?: number;
  /** Both belong to the range. */
  fromMs?: number;
  toMs?: number;
}

export interface AccessLogPage {
  filter?: AccessLogFilter;
  sortBy?: AccessLogSortKey;
  descending?: boolean;
  offset: number;
  limit: number;
}

/** Newest first unless said otherwise. `total` counts all entries of the account that match. */
export async function listAccessLogs(
  db: Db,
  account: AccountId,
  { filter = {}, sortBy = "timestamp", descending = true, offset, limit }: AccessLogPage,
): Promise<{ entries: AccessLogEntry[]; total: number }> {
  const matching = () =>
    db("access_logs")
      .where({ account_id: account })
      .modify((query) => applyFilter(query, filter));
  const order = descending ? "desc" : "asc";
  const rows = await matching()
    .orderBy([...sortColumns(sortBy), "id"].map((column) => ({ column, order })))
    .offset(offset)
    .limit(limit);
  const count = await matching().count({ n: "*" }).first();
  return { entries: rows.map(codec.fromRow), total: Number(count?.n ?? 0) };
}

function sortColumns(key: AccessLogSortKey): string[] {
  if (key === "url") return ["host", "path"];
  return [key === "duration" ? "duration_ms" : key];
}

function applyFilter(query: Knex.QueryBuilder, filter: AccessLogFilter): void {
  const { search, sourceIps, host, path, method, userIds, succeeded, statusCode, fromMs, toMs } = filter;
  if (sourceIps) query.whereIn("source_ip", sourceIps);
  if (host !== undefined) query.where({ host });
  if (method !== undefined) query.where({ method });
  if (userIds) query.whereIn("user_id", userIds);
  if (statusCode !== undefined) query.where({ status_code: statusCode });
  if (succeeded === true) query.whereBetween("status_code", [200, 399]);
  if (succeeded === false) query.whereNotBetween("status_code", [200, 399]);
  if (fromMs !== undefined) query.where("timestamp", ">=", fromMs);
  if (toMs !== undefined) query.where("timestamp", "<=", toMs);
  if (path !== undefined) query.whereRaw(holds("path"), [pattern(path)]);
  if (!search) return;
  const { text, userIds: foundUsers } = search;
  query.where((any: Knex.QueryBuilder) => {
    for (const column of ["id", "source_ip", "host", "path", "host || path"]) {
      any.orWhereRaw(holds(column), [pattern(text)]);
    }
    any.orWhereIn("user_id", foundUsers);
  });
}

/** The database lowers both sides: it and JavaScript disagree about letters beyond ASCII. */
function holds(expression: string): string {
  return `lower(${expression}) like lower(?) escape '!'`;
}

function pattern(text: string): string {
  return `%${text.replace(/[!%_]/g, (character) => `!${character}`)}%`;
}

/** The oldest first, page by page, however many there are. What comes in meanwhile may or may not be among them. */
export async function* readAllAccessLogs(
  db: Db,
  account: AccountId,
  filter: AccessLogFilter,
  pageSize = 1_000,
): AsyncGenerator<AccessLogEntry[]> {
  let last: AccessLogEntry | undefined;
  for (;;) {
    const after = last;
    const rows = await db("access_logs")
      .where({ account_id: account })
      .modify((query) => applyFilter(query, filter))
      .modify((query) => {
        if (!after) return;
        query.where("timestamp", ">=", after.timestamp);
        query.where((next: Knex.QueryBuilder) =>
          next
            .where("timestamp", ">", after.timestamp)
            .orWhere((same) => same.where("timestamp", after.timestamp).where("id", ">", after.id)),
        );
      })
      .orderBy("timestamp")
      .orderBy("id")
      .limit(pageSize);
    const entries: AccessLogEntry[] = rows.map(codec.fromRow);
    yield entries;
    last = entries.at(-1);
    if (entries.length < pageSize) return;
  }
}

export async function countAccessLogs(db: Db): Promise<number> {
  const row = await db("access_logs").count({ n: "*" }).first();
  return Number(row?.n ?? 0);
}

/** Of any account. @param beforeMs only older ones @returns how many there were */
export async function deleteOldestAccessLogs(db: Db, limit: number, beforeMs?: number): Promise<number> {
  const oldest = db("access_logs").orderBy("timestamp").limit(limit).select("id");
  if (beforeMs !== undefined) oldest.where("timestamp", "<", beforeMs);
  return db("access_logs").whereIn("id", oldest).delete();
}
