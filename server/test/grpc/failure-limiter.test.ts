import assert from "node:assert/strict";
import { createFailureLimiter } from "../../src/grpc/failure-limiter.ts";

suite("a budget for failures", () => {
  test("allows a burst, then one per refill", () => {
    const limiter = createFailureLimiter({ burst: 3, refillMs: 1_000 });
    const tries = (atMs: number, count: number) =>
      Array.from({ length: count }, () => limiter.failed("a", atMs)).filter(Boolean).length;
    assert.equal(tries(0, 10), 3);
    assert.equal(tries(999, 10), 0);
    assert.equal(tries(1_000, 10), 1);
    assert.equal(tries(60_000, 10), 3);
  });

  test("is each key's own, and being asked costs nothing", () => {
    const limiter = createFailureLimiter({ burst: 1, refillMs: 1_000 });
    assert.equal(limiter.failed("a", 0), true);
    assert.deepEqual([limiter.isExhausted("a", 0), limiter.isExhausted("b", 0)], [true, false]);
    for (let n = 0; n < 5; n += 1) assert.equal(limiter.isExhausted("a", 1_000), false);
  });

  test("forgets the key that failed longest ago instead of growing for ever", () => {
    const limiter = createFailureLimiter({ burst: 1, refillMs: 1_000_000, maxKeys: 2 });
    for (const key of ["a", "b", "c"]) limiter.failed(key, 0);
    assert.deepEqual(
      ["a", "b", "c"].map((key) => limiter.isExhausted(key, 0)),
      [false, true, true],
    );
  });
});
