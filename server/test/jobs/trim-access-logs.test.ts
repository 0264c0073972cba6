import assert from "node:assert/strict";
import { trimAccessLogs } from "../../src/jobs/trim-access-logs.ts";
import { insertAccessLogs } from "../../src/store/access-logs.ts";
import { accessLogEntry } from "../support/access-log-entry.ts";
import { engine } from "../support/database.ts";
import { type RestServer, startRestServer } from "../support/rest-server.ts";

const DAY_MS = 86_400_000;

suite("old access logs", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  const left = async () =>
    (await server.store.db("access_logs").orderBy("timestamp").pluck("id")) as string[];
  /** Named for their age in days. */
  async function store(...ages: number[]): Promise<void> {
    await insertAccessLogs(
      server.store.db,
      ages.map((age) =>
        accessLogEntry(server.account, String(age), { timestamp: server.nowMs - age * DAY_MS }),
      ),
    );
  }
  const trim = (accessLogRetentionDays: number, accessLogMaxEntries: number) =>
    trimAccessLogs(server.context, { accessLogRetentionDays, accessLogMaxEntries });

  test("go by age, and then by number, the oldest first", async () => {
    await store(9, 8, 6.5, 3, 2, 1);
    assert.equal(await trim(7, 0), 2);
    assert.deepEqual(await left(), ["6.5", "3", "2", "1"]);
    assert.equal(await trim(7, 3), 1);
    assert.deepEqual(await left(), ["3", "2", "1"]);
    assert.equal(await trim(7, 3), 0);
  });

  test("stay for ever when both limits are off", async () => {
    await store(10_000, 1);
    assert.equal(await trim(-1, 0), 0);
    assert.deepEqual(await left(), ["10000", "1"]);
  });

  // PostgreSQL lets others write anyway.
  const onSqlite = engine === "sqlite" ? test : () => {};
  onSqlite("many go in steps, between which others write", async () => {
    for (let at = 0; at < 7_000; at += 500) {
      await store(...Array.from({ length: 500 }, (_, n) => 8 + (at + n) / 10_000));
    }
    let done = false;
    const trimming = trim(7, 0).finally(() => {
      done = true;
    });
    await server.call("POST", "/groups", { name: "in between" });
    assert.equal(done, false, "the request had to wait for all of it");
    assert.equal(await trimming, 7_000);
    assert.deepEqual(await left(), []);
  });
});
