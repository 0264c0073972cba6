import assert from "node:assert/strict";
import fc from "fast-check";
import { type Timed, TimerQueue } from "../../src/session/timers.ts";

class Item implements Timed {
  deadlineMs = Number.POSITIVE_INFINITY;
  queuedMs = 0;
  heapIndex = -1;
  ran: number[] = [];
  onDeadline(nowMs: number): void {
    this.ran.push(nowMs);
  }
}

suite("session/timers", () => {
  test("a deadline that was pushed back runs at its new time only", () => {
    const queue = new TimerQueue();
    const item = new Item();
    queue.schedule(item, 10);
    queue.schedule(item, 50);
    queue.run(20);
    assert.deepEqual(item.ran, []);
    queue.run(50);
    assert.deepEqual(item.ran, [50]);
    assert.equal(queue.nextMs(), undefined);
  });

  test("never late and never twice, for random schedules", () => {
    const action = fc.oneof(
      fc.record({ item: fc.nat(9), at: fc.nat(300) }),
      fc.record({ item: fc.nat(9), remove: fc.constant(true) }),
      fc.record({ runTo: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const queue = new TimerQueue();
        const items = Array.from({ length: 10 }, () => new Item());
        const expected = new Map<number, number>();
        let now = 0;
        for (const step of actions) {
          if ("runTo" in step) {
            now += step.runTo;
            const due = [...expected].filter(([, at]) => at <= now).map(([index]) => index);
            for (const item of items) item.ran = [];
            queue.run(now);
            items.forEach((item, index) => {
              assert.deepEqual(item.ran, due.includes(index) ? [now] : [], `item ${index} at ${now}`);
            });
            for (const index of due) expected.delete(index);
          } else if ("remove" in step) {
            queue.remove(items[step.item]!);
            expected.delete(step.item);
          } else {
            queue.schedule(items[step.item]!, step.at);
            expected.set(step.item, step.at);
          }
          const earliest = Math.min(...expected.values());
          if (expected.size > 0) assert.ok(queue.nextMs()! <= earliest, "the queue would wake up late");
        }
      }),
      { numRuns: 300 },
    );
  });
});
