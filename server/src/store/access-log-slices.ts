import { setImmediate } from "node:timers/promises";
import type { AccountId } from "@netbird-proxy/proto";
import type { Knex } from "knex";
import { type AccessLogFilter, applyFilter, indexedPart, narrows } from "./access-log-filter.ts";
import { type Db, isPostgres } from "./transaction.ts";

/** Entries that lie next to each other in time, looked at in one statement. */
export interface Slice {
  /** Those that match the filter, in no order yet. */
  matching(): Knex.QueryBuilder;
  /** How many of them match. */
  count(): Promise<number>;
}

interface Position {
  timestamp: number;
  id: string;
}

/**
 * Goes through the entries of an account in order of time and id, `size` of them at a time, whatever the filter. Without
 * this one statement would look at all of them: seconds for millions, in which SQLite, being in our process, lets nothing
 * else happen. Between two slices others get their turn.
 *
 * What comes in meanwhile may or may not be seen; everything else is seen once.
 */
export async function* accessLogSlices(
  db: Db,
  account: AccountId,
  filter: AccessLogFilter,
  { descending, size }: { descending: boolean; size: number },
): AsyncGenerator<Slice> {
  const { fromMs, toMs } = filter;
  const index = indexedPart(filter);
  // Without statistics SQLite takes a partial index for no better than the one that all entries are in.
  const source = index && !isPostgres(db) ? db.raw("access_logs indexed by ??", [index.name]) : "access_logs";
  const direction = descending ? "desc" : "asc";
  const [after, upTo] = descending ? ["<", ">="] : [">", "<="];
  /** A position stands in for the range's own bound: of two bounds on one side SQLite may start at the wrong one. */
  const between = (start: Position | undefined, end: Position | undefined): Knex.QueryBuilder => {
    const query = db(source).where({ account_id: account });
    index?.apply(query);
    if (start) query.whereRaw(`(timestamp, id) ${after} (?, ?)`, [start.timestamp, start.id]);
    if (end) query.whereRaw(`(timestamp, id) ${upTo} (?, ?)`, [end.timestamp, end.id]);
    const [lower, upper] = descending ? [end, start] : [start, end];
    if (!lower && fromMs !== undefined) query.where("timestamp", ">=", fromMs);
    if (!upper && toMs !== undefined) query.where("timestamp", "<=", toMs);
    return query;
  };
  if (filter.userIds?.length === 0) return;
  for (let start: Position | undefined; ; ) {
    const from = start;
    const last = await between(from, undefined)
      .orderBy(["timestamp", "id"].map((column) => ({ column, order: direction })))
      .offset(size - 1)
      .first("timestamp", "id");
    const end: Position | undefined = last && { timestamp: Number(last.timestamp), id: last.id };
    const matching = () => between(from, end).modify((query) => applyFilter(query, filter));
    const count = async () => {
      if (end && !narrows(filter)) return size;
      const row = await matching().count({ n: "*" }).first();
      return Number(row?.n ?? 0);
    };
    yield { matching, count };
    if (!end) return;
    start = end;
    // Promises alone would go on before anything that waits for input.
    await setImmediate();
  }
}
