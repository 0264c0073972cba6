import assert from "node:assert/strict";
import { trimAuditEvents } from "../../src/jobs/trim-audit-events.ts";
import { appendAuditEvent } from "../../src/store/audit-events.ts";
import { type RestServer, startRestServer } from "../support/rest-server.ts";

const DAY_MS = 86_400_000;

suite("old audit events", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.store.db("audit_events").delete();
  });
  teardown(() => server.close());

  /** Named for their age in days. */
  async function store(...ages: number[]): Promise<void> {
    await server.store.db.transaction(async (trx) => {
      for (const age of ages) {
        await appendAuditEvent(trx, {
          accountId: server.account,
          timestamp: server.nowMs - age * DAY_MS,
          activityCode: "group.add",
          initiatorId: "sys",
          initiatorName: "",
          initiatorEmail: "",
          targetId: String(age),
          meta: {},
        });
      }
    });
  }
  const left = async () => server.store.db("audit_events").orderBy("id").pluck("target_id");

  test("go when they are older than was asked for", async () => {
    await store(9, 8, 7, 6.5, 1);
    assert.equal(await trimAuditEvents(server.context, 7), 2);
    assert.deepEqual(await left(), ["7", "6.5", "1"]);
    assert.equal(await trimAuditEvents(server.context, 7), 0);
  });

  test("stay for ever unless asked for", async () => {
    await store(10_000, 1);
    assert.equal(await trimAuditEvents(server.context, 0), 0);
    assert.deepEqual(await left(), ["10000", "1"]);
  });

  test("go in steps, and a clock that was wrong for a while neither keeps them nor takes newer ones", async () => {
    await store(-100, ...Array.from({ length: 4_500 }, (_, n) => 8 + n / 10_000), 1, 8);
    assert.equal(await trimAuditEvents(server.context, 7), 4_501);
    assert.deepEqual(await left(), ["-100", "1"]);
  });
});
