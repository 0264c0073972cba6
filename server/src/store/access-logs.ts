import type { AccountId } from "@netbird-proxy/proto";
import type { Knex } from "knex";
import { type AccessLogFilter, applyFilter } from "./access-log-filter.ts";
import { accessLogSlices, type Slice } from "./access-log-slices.ts";
import { rowCodec } from "./row-codec.ts";
import { type Db, isPostgres } from "./transaction.ts";

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

export interface AccessLogPage {
  filter?: AccessLogFilter;
  sortBy?: AccessLogSortKey;
  descending?: boolean;
  offset: number;
  limit: number;
}

/** As many as one statement goes through; some 20 ms for the most expensive filter. */
const SLICE = 20_000;
/** Further on in another order than that of time, one statement sorts everything. */
const MAX_SORTED = 10_000;

/** Newest first unless said otherwise. `total` counts all entries of the account that match. */
export async function listAccessLogs(
  db: Db,
  account: AccountId,
  page: AccessLogPage,
  sliceSize = SLICE,
): Promise<{ entries: AccessLogEntry[]; total: number }> {
  const { filter = {}, descending = true } = page;
  const slices = accessLogSlices(db, account, filter, { descending, size: sliceSize });
  return (page.sortBy ?? "timestamp") === "timestamp"
    ? listInOrderOfTime(slices, page)
    : listInOtherOrder(db, account, slices, page);
}

async function listInOrderOfTime(
  slices: AsyncIterable<Slice>,
  { descending = true, offset, limit }: AccessLogPage,
): Promise<{ entries: AccessLogEntry[]; total: number }> {
  const order = descending ? "desc" : "asc";
  const entries: AccessLogEntry[] = [];
  let total = 0;
  for await (const slice of slices) {
    const count = await slice.count();
    const skipped = Math.max(0, offset - total);
    if (skipped < count && entries.length < limit) {
      const rows = await slice
        .matching()
        .orderBy(["timestamp", "id"].map((column) => ({ column, order })))
        .offset(skipped)
        .limit(limit - entries.length);
      entries.push(...rows.map(codec.fromRow));
    }
    total += count;
  }
  return { entries, total };
}

/** No index has these orders. The best of every slice are kept, which is enough for all but the last pages of many. */
async function listInOtherOrder(
  db: Db,
  account: AccountId,
  slices: AsyncIterable<Slice>,
  { filter = {}, sortBy = "url", descending = true, offset, limit }: AccessLogPage,
): Promise<{ entries: AccessLogEntry[]; total: number }> {
  const keys = [...sortColumns(sortBy), "id"];
  const inOrder = (query: Knex.QueryBuilder) =>
    query.orderByRaw(keys.map((key) => `${byBytes(db, key)} ${descending ? "desc" : "asc"}`).join(", "));
  const wanted = offset + limit;
  let best: SortKey[] = [];
  let total = 0;
  for await (const slice of slices) {
    const count = await slice.count();
    total += count;
    if (count === 0 || wanted > MAX_SORTED) continue;
    const rows: Record<string, unknown>[] = await inOrder(slice.matching().select(keys)).limit(wanted);
    const found = rows.map((row) => keys.map((key) => (isText(key) ? String(row[key]) : Number(row[key]))));
    best = [...best, ...found]
      .sort((a, b) => (descending ? compareKeys(b, a) : compareKeys(a, b)))
      .slice(0, wanted);
  }
  const all = () => db("access_logs").where({ account_id: account });
  if (wanted > MAX_SORTED && offset < total) {
    const query = all().modify((rows) => {
      applyFilter(rows, filter);
      if (filter.fromMs !== undefined) rows.where("timestamp", ">=", filter.fromMs);
      if (filter.toMs !== undefined) rows.where("timestamp", "<=", filter.toMs);
    });
    const rows = await inOrder(query).offset(offset).limit(limit);
    return { entries: rows.map(codec.fromRow), total };
  }
  const ids = best.slice(offset).map((key) => String(key.at(-1)));
  const rows = new Map((await all().whereIn("id", ids)).map((row) => [row.id, row]));
  // One that was deleted in between is not there any more.
  return { entries: ids.flatMap((id) => rows.get(id) ?? []).map(codec.fromRow), total };
}

/** The values of the columns that a list is sorted by, and the id. */
type SortKey = (string | number)[];

function sortColumns(key: AccessLogSortKey): string[] {
  if (key === "url") return ["host", "path"];
  return [key === "duration" ? "duration_ms" : key];
}

function isText(column: string): boolean {
  return column !== "duration_ms" && column !== "status_code";
}

/** Text in the order of its bytes on both engines, so that {@link compareKeys} agrees with them. */
function byBytes(db: Db, column: string): string {
  return isText(column) && isPostgres(db) ? `${column} collate "C"` : column;
}

function compareKeys(a: SortKey, b: SortKey): number {
  for (const [at, left] of a.entries()) {
    const right = b[at]!;
    const difference =
      typeof left === "number"
        ? left - Number(right)
        : Buffer.compare(Buffer.from(left), Buffer.from(String(right)));
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The oldest first, page by page, however many there are. What comes in meanwhile may or may not be among them. */
export async function* readAllAccessLogs(
  db: Db,
  account: AccountId,
  filter: AccessLogFilter,
  pageSize = 1_000,
): AsyncGenerator<AccessLogEntry[]> {
  for await (const slice of accessLogSlices(db, account, filter, { descending: false, size: pageSize })) {
    const rows = await slice.matching().orderBy("timestamp").orderBy("id");
    yield rows.map(codec.fromRow);
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
