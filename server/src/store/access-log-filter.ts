import type { Knex } from "knex";

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

/** Written as in the index of migration 0009: only then SQLite sees that it may use it. */
const FAILED = "(status_code < 200 or status_code > 399)";

/** Everything but the range of time. */
export function applyFilter(query: Knex.QueryBuilder, filter: AccessLogFilter): void {
  const { search, sourceIps, host, path, method, userIds, succeeded, statusCode } = filter;
  if (sourceIps) query.whereIn("source_ip", sourceIps);
  if (host !== undefined) query.where({ host });
  if (method !== undefined) query.where({ method });
  if (userIds) query.whereIn("user_id", userIds);
  if (statusCode !== undefined) query.where({ status_code: statusCode });
  if (succeeded === true) query.whereBetween("status_code", [200, 399]);
  if (succeeded === false) query.whereRaw(FAILED);
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

export interface IndexedPart {
  /** Of the index. */
  name: string;
  apply(query: Knex.QueryBuilder): void;
}

/**
 * The one part of a filter that an index answers in order of time (migration 0009), the one that leaves least first.
 * @returns undefined when there is none: the entries of the account are looked at one by one then
 */
export function indexedPart(filter: AccessLogFilter): IndexedPart | undefined {
  const { host, userIds, succeeded, statusCode } = filter;
  const [userId, ...otherUsers] = userIds ?? [];
  if (userId && otherUsers.length === 0) {
    return {
      name: "access_logs_account_user",
      apply: (query) => query.where({ user_id: userId }).whereRaw("user_id <> ''"),
    };
  }
  const failed = succeeded === false || (statusCode !== undefined && (statusCode < 200 || statusCode > 399));
  if (failed) return { name: "access_logs_account_failed", apply: (query) => query.whereRaw(FAILED) };
  if (host !== undefined) {
    return { name: "access_logs_account_host", apply: (query) => query.where({ host }) };
  }
  return undefined;
}

/** Whether anything is left to look at once the range of time holds. */
export function narrows({ fromMs: _from, toMs: _to, ...rest }: AccessLogFilter): boolean {
  return Object.values(rest).some((value) => value !== undefined);
}

/** The database lowers both sides: it and JavaScript disagree about letters beyond ASCII. */
function holds(expression: string): string {
  return `lower(${expression}) like lower(?) escape '!'`;
}

function pattern(text: string): string {
  return `%${text.replace(/[!%_]/g, (character) => `!${character}`)}%`;
}
