import assert from "node:assert/strict";
import { type AddressInfo, connect } from "node:net";
import { setTimeout } from "node:timers/promises";
import type { AccessLogFilter } from "../../src/store/access-log-filter.ts";
import {
  type AccessLogPage,
  type AccessLogSortKey,
  accessLogSortKeys,
  listAccessLogs,
  readAllAccessLogs,
} from "../../src/store/access-logs.ts";
import { fillAccessLogs } from "../support/million-access-logs.ts";
import { type RestServer, startRestServer } from "../support/rest-server.ts";

// "real" because it takes a minute. What is measured is far from its limit unless something grows with the number of
// entries.
const MANY = 1_000_000;
// All of them are 350 MB of JSON; what is left over is garbage that nobody had a reason to collect yet.
const MAX_GROWTH = 200 * 1024 * 1024;

interface Statement {
  sql: string;
  bindings: unknown[];
}

suite(`${MANY.toLocaleString("en")} access logs in SQLite`, function () {
  this.timeout(600_000);
  let server: RestServer;
  let newest: number;
  suiteSetup(async () => {
    server = await startRestServer();
    await server.setUp();
    newest = await fillAccessLogs(server.store.db, server.account, MANY);
  });
  suiteTeardown(() => server.close());

  /** What `work` asked the database for. */
  async function statementsOf(work: () => Promise<unknown>): Promise<Statement[]> {
    const statements: Statement[] = [];
    const listen = ({ sql, bindings }: Statement) => void statements.push({ sql, bindings });
    server.store.db.on("query", listen);
    try {
      await work();
    } finally {
      server.store.db.off("query", listen);
    }
    return statements;
  }

  async function planOf({ sql, bindings }: Statement): Promise<string[]> {
    const steps = await server.store.db.raw(`explain query plan ${sql}`, bindings as string[]);
    return steps.map(({ detail }: { detail: string }) => detail);
  }

  const list = (page: Partial<AccessLogPage>) =>
    listAccessLogs(server.store.db, server.account, { offset: 0, limit: 100, ...page });
  const day = () => newest - 86_400_000;

  const TIME = "access_logs_account_time";
  const cases: [string, () => Partial<AccessLogPage>, string][] = [
    ["nothing", () => ({}), TIME],
    ["the oldest first", () => ({ descending: false }), TIME],
    ["a page in the middle", () => ({ offset: MANY / 2 }), TIME],
    ["a page behind the end", () => ({ offset: 2 * MANY }), TIME],
    ["a range of time", () => ({ filter: { fromMs: day(), toMs: newest - 3_600_000 } }), TIME],
    ["host", () => ({ filter: { host: "shop-7.example.com" } }), "access_logs_account_host"],
    ["an unknown host", () => ({ filter: { host: "nowhere" } }), "access_logs_account_host"],
    [
      "host and time",
      () => ({ filter: { host: "shop-7.example.com", fromMs: day() } }),
      "access_logs_account_host",
    ],
    ["user", () => ({ filter: { userIds: ["user3"] } }), "access_logs_account_user"],
    ["users", () => ({ filter: { userIds: ["user3", "user4"] } }), TIME],
    ["failures", () => ({ filter: { succeeded: false } }), "access_logs_account_failed"],
    ["a status that failed", () => ({ filter: { statusCode: 503 } }), "access_logs_account_failed"],
    ["successes", () => ({ filter: { succeeded: true } }), TIME],
    ["a status that did not fail", () => ({ filter: { statusCode: 304 } }), TIME],
    ["method", () => ({ filter: { method: "POST" } }), TIME],
    ["address", () => ({ filter: { sourceIps: ["198.51.7.9"] } }), TIME],
    ["path", () => ({ filter: { path: "nothing" } }), TIME],
    ["search", () => ({ filter: { search: { text: "nothing", userIds: ["user3"] } } }), TIME],
    ...accessLogSortKeys
      .filter((key) => key !== "timestamp")
      .map((sortBy): [string, () => Partial<AccessLogPage>, string] => [
        `in order of ${sortBy}`,
        () => ({ sortBy }),
        TIME,
      ]),
    [
      "in order of duration, on a host",
      () => ({ sortBy: "duration" as AccessLogSortKey, filter: { host: "shop-7.example.com" } }),
      "access_logs_account_host",
    ],
  ];
  for (const [what, page, index] of cases) {
    test(`a list by ${what} goes through ${index}`, async () => {
      const statements = await statementsOf(() => list(page()));
      const kinds = new Map(statements.map((statement) => [statement.sql, statement]));
      for (const statement of kinds.values()) {
        const [step, ...more] = await planOf(statement);
        const words = `${statement.sql}\n${[step, ...more].join("\n")}`;
        // The entries that were found by their ids, for other orders than that of time.
        if (/`id` in \(/.test(statement.sql)) assert.match(step!, /^SEARCH access_logs USING INDEX/, words);
        else assert.match(step!, new RegExp(`^SEARCH access_logs USING (COVERING )?INDEX ${index} `), words);
        const sorts = more.length > 0;
        // Of a slice at most, as its bounds are in the statement.
        if (sorts) assert.match(statement.sql, /limit \?$/, words);
      }
    });
  }

  test("an export goes through the index too, whatever it looks for", async () => {
    const read = async (filter: AccessLogFilter) => {
      let count = 0;
      for await (const page of readAllAccessLogs(server.store.db, server.account, filter))
        count += page.length;
      return count;
    };
    for (const [filter, count] of [
      [{ path: "nothing" }, 0],
      [{ host: "shop-7.example.com", statusCode: 503 }, 0],
      [{ userIds: ["user3"] }, 143],
    ] as [AccessLogFilter, number][]) {
      assert.equal(await read(filter), count);
      for (const statement of (await statementsOf(() => read(filter))).slice(0, 4)) {
        assert.deepEqual(
          (await planOf(statement)).filter((step) => !step.startsWith("SEARCH access_logs USING")),
          [],
        );
      }
    }
  });

  test("audit events are read in order of their ids, without sorting", async () => {
    const statements = await statementsOf(async () => {
      await server.call("GET", "/events");
      await server.call("GET", "/events/audit/export");
    });
    const read = statements.filter(({ sql }) => /from `audit_events`/.test(sql));
    assert.equal(read.length, 2);
    for (const statement of read) {
      const plan = await planOf(statement);
      assert.equal(plan.length, 1, plan.join("\n"));
      assert.match(plan[0]!, /^SEARCH audit_events USING INDEX audit_events_account_id /);
    }
  });

  suite("an export as JSON lines", () => {
    let port: number;
    suiteSetup(async () => {
      await server.app.listen({ port: 0, host: "127.0.0.1" });
      port = (server.app.server.address() as AddressInfo).port;
    });

    /** @returns how many lines came, and how far the process grew above what it had before */
    async function exported(query: string): Promise<{ lines: number; growth: number }> {
      global.gc?.();
      const before = process.memoryUsage().rss;
      let most = before;
      let lines = 0;
      const answer = await fetch(`http://127.0.0.1:${port}/api/events/proxy/export${query}`, {
        headers: { authorization: `Token ${server.token}` },
      });
      assert.equal(answer.status, 200);
      for await (const chunk of answer.body!) {
        for (const byte of chunk) if (byte === 10) lines += 1;
        most = Math.max(most, process.memoryUsage().rss);
      }
      return { lines, growth: most - before };
    }

    test("of 100,000 entries, and of all, takes no more memory than one of 10,000", async () => {
      const last = (count: number) => `?start_date=${new Date(newest - (count - 1) * 600).toISOString()}`;
      // What the first one needs for good is not what this is about.
      await exported(last(10_000));
      for (const count of [100_000, MANY]) {
        const { lines, growth } = await exported(last(count));
        assert.equal(lines, count);
        assert.ok(growth < MAX_GROWTH, `${count} entries: ${(growth / 1024 / 1024).toFixed(0)} MB`);
        console.log(`      ${count} entries: ${(growth / 1024 / 1024).toFixed(0)} MB`);
      }
    });

    test("waits for a reader that does not read", async () => {
      const socket = connect(port, "127.0.0.1");
      socket.write(
        `GET /api/events/proxy/export HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${server.token}\r\n\r\n`,
      );
      socket.pause();
      await setTimeout(1_000);
      const statements = await statementsOf(() => setTimeout(1_000));
      socket.destroy();
      assert.deepEqual(
        statements.filter(({ sql }) => sql.includes("access_logs")).map(({ sql }) => sql),
        [],
      );
    });
  });
});
