import assert from "node:assert/strict";
import { createHashGate } from "../../src/secrets/hash-gate.ts";

suite("the gate in front of password hashes", () => {
  /** Work that ends when the test says so. */
  function worker(gate: ReturnType<typeof createHashGate>) {
    const started: string[] = [];
    const ends: (() => void)[] = [];
    const start = (name: string, kind: string) =>
      gate(() => {
        started.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      }, kind);
    const end = async () => {
      ends.shift()!();
      await new Promise((resolve) => setImmediate(resolve));
    };
    return { started, start, end };
  }

  test("runs a few, and kinds of work take turns", async () => {
    const { started, start, end } = worker(createHashGate({ running: 2, waiting: 100 }));
    const all = ["a1", "a2", "a3", "a4", "a5", "b1", "c1", "b2"].map((name) => start(name, name[0]!));
    assert.deepEqual(started, ["a1", "a2"]);
    for (let n = 0; n < 8; n += 1) await end();
    await Promise.all(all);
    assert.deepEqual(started, ["a1", "a2", "a3", "b1", "c1", "a4", "b2", "a5"]);
  });

  test("refuses what would wait too long, of one kind before others", async () => {
    const { started, start, end } = worker(createHashGate({ running: 1, waiting: 3, waitingEach: 2 }));
    const kept = [start("a1", "a"), start("a2", "a"), start("a3", "a")];
    await assert.rejects(start("a4", "a"), /too many sign-ins at once/);
    kept.push(start("b1", "b"));
    await assert.rejects(start("b2", "b"), /too many sign-ins at once/);
    for (let n = 0; n < 4; n += 1) await end();
    await Promise.all(kept);
    assert.equal(started.length, 4);
    const after = start("a5", "a");
    await end();
    await after;
  });

  test("a failure makes room like a success", async () => {
    const gate = createHashGate({ running: 1, waiting: 1 });
    await assert.rejects(
      gate(async () => {
        throw new Error("no memory");
      }),
      /no memory/,
    );
    assert.equal(await gate(async () => "next"), "next");
  });
});
