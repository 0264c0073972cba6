import assert from "node:assert/strict";
import {
  chargeFailure,
  deleteOldFailureBudgets,
  isBudgetExhausted,
} from "../../src/store/failure-budgets.ts";
import { openStore, type Store } from "../../src/store/open.ts";
import { makeDatabase, type TestDatabase } from "../support/database.ts";

suite("a budget for failures", () => {
  let made: TestDatabase;
  let store: Store;
  let other: Store;
  setup(async () => {
    made = await makeDatabase();
    const encryptionKey = new Uint8Array(32);
    store = await openStore({ database: made.database, encryptionKey });
    other = await openStore({ database: made.database, encryptionKey });
  });
  teardown(async () => {
    await store.close();
    await other.close();
    await made.drop();
  });

  const three = { name: "test", burst: 3, refillMs: 1_000 };

  test("allows a burst, then one per refill, over all servers", async () => {
    const tries = async (atMs: number, count: number) => {
      const answers = await Promise.all(
        Array.from({ length: count }, (_, n) => chargeFailure((n % 2 ? store : other).db, three, "a", atMs)),
      );
      return answers.filter(Boolean).length;
    };
    assert.equal(await tries(0, 10), 3);
    assert.equal(await tries(999, 10), 0);
    assert.equal(await tries(1_000, 10), 1);
    assert.equal(await tries(60_000, 10), 3);
  });

  test("is each key's and each concern's own, and being asked costs nothing", async () => {
    const one = { ...three, burst: 1 };
    assert.equal(await chargeFailure(store.db, one, "a", 0), true);
    assert.equal(await isBudgetExhausted(other.db, one, "a", 0), true);
    assert.equal(await isBudgetExhausted(store.db, one, "b", 0), false);
    assert.equal(await isBudgetExhausted(store.db, { ...one, name: "other" }, "a", 0), false);
    for (let n = 0; n < 5; n += 1) assert.equal(await isBudgetExhausted(store.db, one, "a", 1_000), false);
  });

  test("is forgotten after a day", async () => {
    await chargeFailure(store.db, three, "old", 0);
    await chargeFailure(store.db, three, "new", 86_400_000);
    await deleteOldFailureBudgets(store.db, 86_400_001);
    assert.deepEqual(await store.db("failure_budgets").pluck("key"), ["test new"]);
  });
});
