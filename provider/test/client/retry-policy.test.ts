import assert from "node:assert/strict";
import { Limiter } from "../../src/client/limiter.ts";
import { retryAfterMs, retryDelayMs } from "../../src/client/retry-policy.ts";
import { ThrottleGate } from "../../src/client/throttle-gate.ts";

const status = (code: number, afterMs?: number) =>
  ({ kind: "status", status: code, retryAfterMs: afterMs }) as const;

suite("retrying", () => {
  test("waits as long as the server says", () => {
    assert.equal(retryDelayMs("POST", status(429, 3000), 1, 4, 0), 3000);
    assert.equal(retryDelayMs("POST", status(503, 2000), 1, 4, 0), 2000);
    assert.equal(retryDelayMs("GET", status(429, 3_600_000), 1, 4, 0), undefined, "an hour is not worth it");
  });

  test("never repeats a POST that may have been processed", () => {
    for (const code of [500, 502, 503, 504])
      assert.equal(retryDelayMs("POST", status(code), 1, 4, 0.5), undefined);
    assert.equal(retryDelayMs("POST", { kind: "network", sent: true }, 1, 4, 0.5), undefined);
    assert.notEqual(retryDelayMs("POST", { kind: "network", sent: false }, 1, 4, 0.5), undefined);
  });

  test("repeats other requests for passing reasons only", () => {
    for (const code of [429, 502, 503, 504])
      assert.notEqual(retryDelayMs("PUT", status(code), 1, 4, 0.5), undefined);
    for (const code of [400, 401, 403, 404, 409, 412, 422, 500])
      assert.equal(retryDelayMs("GET", status(code), 1, 4, 0.5), undefined);
    assert.notEqual(retryDelayMs("DELETE", { kind: "network", sent: true }, 1, 4, 0.5), undefined);
  });

  test("does not ask again where nobody answered for as long as one may wait", () => {
    assert.equal(retryDelayMs("GET", { kind: "network", sent: true, timedOut: true }, 1, 4, 0.5), undefined);
  });

  test("waits longer every time, within limits, and gives up", () => {
    const delays = [1, 2, 3, 4, 12].map((attempt) => retryDelayMs("GET", status(502), attempt, 20, 1));
    assert.deepEqual(delays, [250, 500, 1000, 2000, 10_000]);
    assert.equal(retryDelayMs("GET", status(502), 5, 4, 1), undefined);
  });

  test("reads Retry-After as seconds and as a date", () => {
    const nowMs = Date.parse("2026-01-01T00:00:00Z");
    assert.equal(retryAfterMs("7", nowMs), 7000);
    assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:05 GMT", nowMs), 5000);
    assert.equal(retryAfterMs("Thu, 01 Jan 2025 00:00:05 GMT", nowMs), 0);
    assert.equal(retryAfterMs("soon", nowMs), undefined);
    assert.equal(retryAfterMs(undefined, nowMs), undefined);
  });
});

suite("holding back", () => {
  test("a closed gate holds everyone, and the latest time counts", () => {
    const gate = new ThrottleGate();
    assert.equal(gate.waitMs(1000), 0);
    gate.closeUntil(5000);
    gate.closeUntil(3000);
    assert.equal(gate.waitMs(1000), 4000);
    assert.equal(gate.waitMs(6000), 0);
  });

  test("no more work than allowed runs at a time, in order, and failures free their place", async () => {
    const limiter = new Limiter(2);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    const results = await Promise.allSettled(
      Array.from({ length: 9 }, (_, index) =>
        limiter.run(async () => {
          order.push(index);
          most = Math.max(most, ++running);
          await new Promise((resolve) => setImmediate(resolve));
          running -= 1;
          if (index % 3 === 0) throw new Error("fails");
        }),
      ),
    );
    assert.equal(most, 2);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert.equal(results.filter(({ status }) => status === "rejected").length, 3);
  });
});
