import type { AccessLogQuery } from "@netbird-proxy/proto/rest";
import { formatAddress, parseAddress } from "../domain/ip-network.ts";
import type { AccessLogFilter } from "../store/access-log-filter.ts";
import { type AccessLogPage, type AccessLogSortKey, accessLogSortKeys } from "../store/access-logs.ts";
import type { User } from "../store/users.ts";

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 100;
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

/** A parameter that is there twice counts once: no parameter of this route may fail. */
export function firstOfRepeated(query: unknown): Record<string, unknown> {
  const entries = Object.entries((query ?? {}) as Record<string, unknown>);
  return Object.fromEntries(entries.map(([key, value]) => [key, Array.isArray(value) ? value[0] : value]));
}

/**
 * What a reader of access logs asks for. Values that cannot be understood, and empty ones, count as not sent.
 * @param users of the account, for the filters that name one
 */
export function readAccessLogQuery(
  query: AccessLogQuery,
  users: readonly User[],
): AccessLogPage & { page: number } {
  const page = positive(query.page) ?? 1;
  const limit = Math.min(positive(query.page_size) ?? DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
  const sortBy = accessLogSortKeys.find((key) => key === query.sort_by) ?? ("timestamp" as AccessLogSortKey);
  return {
    page,
    offset: (page - 1) * limit,
    limit,
    sortBy,
    descending: query.sort_order?.toLowerCase() !== "asc",
    filter: filterOf(query, users),
  };
}

function filterOf(query: AccessLogQuery, users: readonly User[]): AccessLogFilter {
  const search = query.search || undefined;
  const found = search
    ? users.filter((user) => holds(user.email, search) || holds(user.name, search))
    : undefined;
  return {
    search: search && found ? { text: search, userIds: found.map(({ id }) => id) } : undefined,
    sourceIps: query.source_ip ? spellings(query.source_ip) : undefined,
    host: query.host || undefined,
    path: query.path || undefined,
    method: query.method || undefined,
    userIds: usersAskedFor(query, users),
    succeeded: query.status === "success" ? true : query.status === "failed" ? false : undefined,
    statusCode: positive(query.status_code),
    fromMs: time(query.start_date),
    toMs: time(query.end_date),
  };
}

/** A name or address that nobody has finds nothing; NetBird would show everything. */
function usersAskedFor(query: AccessLogQuery, users: readonly User[]): string[] | undefined {
  const { user_email: email, user_name: name, user_id: id } = query;
  if (!email && !name) return id ? [id] : undefined;
  return users
    .filter((user) => (!email || holds(user.email, email)) && (!name || holds(user.name, name)))
    .map((user) => user.id);
}

function holds(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

function spellings(address: string): string[] {
  const parsed = parseAddress(address);
  return parsed ? [...new Set([address, formatAddress(parsed.family, parsed.value)])] : [address];
}

function positive(text: string | undefined): number | undefined {
  if (!text || !/^\d{1,10}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= 1 && value <= 2 ** 31 - 1 ? value : undefined;
}

function time(text: string | undefined): number | undefined {
  if (!text || !RFC_3339.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
