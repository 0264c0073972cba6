import assert from "node:assert/strict";
import { Backoff } from "../../src/control/backoff.ts";

suite("waiting between attempts", () => {
  test("doubles from the first wait to the cap, and starts anew after a reset", () => {
    const backoff = new Backoff({ firstMs: 200, capMs: 5_000, random: () => 0 });
    const waits = Array.from({ length: 8 }, () => backoff.nextMs());
    assert.deepEqual(waits, [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    for (let i = 0; i < 2_000; i += 1) backoff.nextMs();
    assert.equal(backoff.nextMs(), 5_000);
    backoff.reset();
    assert.equal(backoff.nextMs(), 200);
  });

  test("randomness takes away up to half", () => {
    const backoff = new Backoff({ firstMs: 200, capMs: 5_000, random: () => 0.9999 });
    assert.equal(backoff.nextMs(), 100);
    assert.equal(backoff.nextMs(), 200);
  });
});
