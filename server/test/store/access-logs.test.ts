import assert from "node:assert/strict";
import type { AccountId } from "@netbird-proxy/proto";
import type { AccessLogFilter } from "../../src/store/access-log-filter.ts";
import {
  type AccessLogEntry,
  type AccessLogSortKey,
  accessLogSortKeys,
  insertAccessLogs,
  listAccessLogs,
  readAllAccessLogs,
} from "../../src/store/access-logs.ts";
import { accessLogEntry } from "../support/access-log-entry.ts";
import { Random } from "../support/random.ts";
import { type RestServer, startRestServer } from "../support/rest-server.ts";

const START = Date.parse("2026-08-22T10:00:00.000Z");

const text: Record<
  Exclude<AccessLogSortKey, "timestamp" | "duration" | "status_code">,
  keyof AccessLogEntry
> = {
  url: "host",
  host: "host",
  path: "path",
  method: "method",
  source_ip: "sourceIp",
  user_id: "userId",
  auth_method: "authMethod",
  reason: "reason",
};

/** What a list is sorted by, in the simplest words. */
function keysOf(entry: AccessLogEntry, sortBy: AccessLogSortKey): (string | number)[] {
  if (sortBy === "timestamp") return [entry.timestamp, entry.id];
  if (sortBy === "duration") return [entry.durationMs, entry.id];
  if (sortBy === "status_code") return [entry.statusCode, entry.id];
  if (sortBy === "url") return [entry.host, entry.path, entry.id];
  return [entry[text[sortBy]] as string, entry.id];
}

function compare(a: (string | number)[], b: (string | number)[]): number {
  for (const [at, left] of a.entries()) {
    const right = b[at]!;
    if (left === right) continue;
    if (typeof left === "number") return left - Number(right);
    return Buffer.compare(Buffer.from(left), Buffer.from(String(right)));
  }
  return 0;
}

function matches(entry: AccessLogEntry, filter: AccessLogFilter): boolean {
  const part = (whole: string, piece: string) => whole.toLowerCase().includes(piece.toLowerCase());
  const ok = entry.statusCode >= 200 && entry.statusCode <= 399;
  const { search } = filter;
  return (
    (filter.host === undefined || entry.host === filter.host) &&
    (filter.method === undefined || entry.method === filter.method) &&
    (filter.path === undefined || part(entry.path, filter.path)) &&
    (filter.statusCode === undefined || entry.statusCode === filter.statusCode) &&
    (filter.succeeded === undefined || ok === filter.succeeded) &&
    (filter.userIds === undefined || filter.userIds.includes(entry.userId)) &&
    (filter.sourceIps === undefined || filter.sourceIps.includes(entry.sourceIp)) &&
    (filter.fromMs === undefined || entry.timestamp >= filter.fromMs) &&
    (filter.toMs === undefined || entry.timestamp <= filter.toMs) &&
    (search === undefined ||
      [entry.id, entry.sourceIp, entry.host, entry.path, entry.host + entry.path].some((one) =>
        part(one, search.text),
      ) ||
      search.userIds.includes(entry.userId))
  );
}

suite("access logs, slice by slice", function () {
  this.timeout(60_000);
  let server: RestServer;
  let entries: AccessLogEntry[];
  const seed = Date.now() % 2 ** 32;
  const random = new Random(seed);
  suiteSetup(async () => {
    server = await startRestServer();
    await server.setUp();
    // Few different values, so that everything is there several times and slices end in the middle of equal ones.
    entries = Array.from({ length: 150 }, (_, n) =>
      accessLogEntry(server.account, `log-${String(random.below(1e9)).padStart(9, "0")}-${n}`, {
        timestamp: START + random.below(12) * 1000,
        host: random.pick(["a.example.com", "B.example.com", "b.example.com", "ä.example.com"]),
        path: random.pick(["/", "/x", "/X%20y", "/x/y_z", "/é"]),
        method: random.pick(["GET", "POST", ""]),
        statusCode: random.pick([0, 199, 200, 304, 399, 400, 404, 503]),
        durationMs: random.pick([1, 2, 10]),
        sourceIp: random.pick(["198.51.100.1", "198.51.100.10", "2001:db8::1"]),
        userId: random.pick(["", "", "u1", "u2"]),
        authMethod: random.pick(["", "pin"]),
        reason: random.pick(["", "Authentication failed"]),
      }),
    );
    await insertAccessLogs(server.store.db, entries);
    const { db } = server.store;
    await db("accounts").insert({ ...(await db("accounts").first()), id: "other", domain: "other" });
    const other = "other" as AccountId;
    await insertAccessLogs(db, [accessLogEntry(other, "not ours", { timestamp: START + 3_000 })]);
  });
  suiteTeardown(() => server.close());

  const filters: AccessLogFilter[] = [
    {},
    { host: "b.example.com" },
    { host: "nowhere" },
    { method: "POST" },
    { userIds: ["u1"] },
    { userIds: [""] },
    { userIds: ["u1", "u2"] },
    { userIds: [] },
    { succeeded: true },
    { succeeded: false },
    { statusCode: 404 },
    { statusCode: 200 },
    { statusCode: 404, succeeded: true },
    { sourceIps: ["198.51.100.1"] },
    { sourceIps: ["198.51.100.1", "2001:db8::1"] },
    { path: "/X" },
    { path: "_" },
    { search: { text: "EXAMPLE.com/x", userIds: [] } },
    { search: { text: "nothing", userIds: ["u2"] } },
    { fromMs: START + 3_000, toMs: START + 3_000 },
    { fromMs: START + 2_000, host: "a.example.com", succeeded: false },
    { toMs: START + 8_000, userIds: ["u2"], statusCode: 503, path: "x" },
  ];

  test("any page, in any order, of any filter is what sorting everything gives", async () => {
    for (const filter of filters) {
      const matching = entries.filter((entry) => matches(entry, filter));
      for (const sortBy of accessLogSortKeys) {
        const descending = random.chance(0.5);
        const sorted = [...matching].sort(
          (a, b) => compare(keysOf(a, sortBy), keysOf(b, sortBy)) * (descending ? -1 : 1),
        );
        const offset = random.below(matching.length + 5);
        const limit = 1 + random.below(40);
        const size = random.pick([1, 7, 50, 150, 1_000]);
        const page = { filter, sortBy, descending, offset, limit };
        const { entries: found, total } = await listAccessLogs(server.store.db, server.account, page, size);
        const words = `seed ${seed}: ${JSON.stringify(page)} in slices of ${size}`;
        assert.equal(total, matching.length, words);
        assert.deepEqual(found, sorted.slice(offset, offset + limit), words);
      }
    }
  });

  test("an export of any filter has every entry once, the oldest first", async () => {
    for (const filter of filters) {
      const sorted = entries
        .filter((entry) => matches(entry, filter))
        .sort((a, b) => compare(keysOf(a, "timestamp"), keysOf(b, "timestamp")));
      const size = random.pick([1, 7, 150, 1_000]);
      const found: AccessLogEntry[] = [];
      for await (const page of readAllAccessLogs(server.store.db, server.account, filter, size)) {
        assert.ok(page.length <= size);
        found.push(...page);
      }
      assert.deepEqual(found, sorted, `seed ${seed}: ${JSON.stringify(filter)} in pages of ${size}`);
    }
  });

  test("a page far behind in another order than that of time is right too", async () => {
    const many = Array.from({ length: 10_200 }, (_, n) =>
      accessLogEntry(server.account, `many-${String(n).padStart(6, "0")}`, {
        timestamp: START + 3_600_000,
        durationMs: 20_000 - n,
      }),
    );
    await insertAccessLogs(server.store.db, many);
    const filter = { fromMs: START + 3_600_000 };
    const page = { filter, sortBy: "duration", descending: false, offset: 10_100, limit: 150 } as const;
    const { entries: found, total } = await listAccessLogs(server.store.db, server.account, page);
    assert.equal(total, 10_200);
    assert.deepEqual(
      found.map(({ id }) => id),
      many
        .slice(0, 100)
        .map(({ id }) => id)
        .reverse(),
    );
  });
});
