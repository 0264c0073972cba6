import assert from "node:assert/strict";
import fc from "fast-check";
import { REPLAY_WINDOW_BITS, ReplayWindow } from "../../src/session/replay-window.ts";

suite("session/replay-window", () => {
  test("a counter is fresh once, in any order within the window", () => {
    const window = new ReplayWindow();
    const order = [0, 5, 3, 1, 4, 2, 8000, 7999, 100];
    for (const counter of order) {
      assert.equal(window.isFresh(counter), true, `${counter}`);
      window.accept(counter);
      assert.equal(window.isFresh(counter), false, `${counter} again`);
    }
  });

  test("what fell out of the window is refused", () => {
    const window = new ReplayWindow();
    window.accept(REPLAY_WINDOW_BITS + 10);
    assert.equal(window.isFresh(10), false);
    assert.equal(window.isFresh(11), true);
  });

  test("words of the ring are clean when they come around again", () => {
    for (const step of [1, 31, 33]) {
      const window = new ReplayWindow();
      for (let counter = 0; counter < 40_000; counter += step) {
        assert.equal(window.isFresh(counter), true, `${counter} in steps of ${step}`);
        window.accept(counter);
      }
    }
  });

  test("behaves like a set of all counters ever seen, for random walks with jumps", () => {
    const step = fc.oneof(
      { weight: 10, arbitrary: fc.integer({ min: -40, max: 40 }) },
      { weight: 3, arbitrary: fc.integer({ min: -9000, max: 9000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 40 }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const window = new ReplayWindow();
        const seen = new Set<number>();
        let newest = -1;
        let at = 0;
        for (const move of steps) {
          at = Math.max(0, at + move);
          const expected = !seen.has(at) && newest + 1 - at <= REPLAY_WINDOW_BITS;
          assert.equal(window.isFresh(at), expected, `counter ${at} with newest ${newest}`);
          if (!expected) continue;
          window.accept(at);
          seen.add(at);
          newest = Math.max(newest, at);
        }
      }),
      { numRuns: 300 },
    );
  });
});
