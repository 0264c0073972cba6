import assert from "node:assert/strict";
import fc from "fast-check";
import { splitBatches } from "../../src/reconcile/split-batches.ts";

const split = (sizes: number[], limits: { maxCount?: number; maxBytes?: number }) => [
  ...splitBatches(sizes, (size) => size, limits),
];

suite("batches of mappings", () => {
  test("none for nothing, one for a few", () => {
    assert.deepEqual(split([], {}), []);
    assert.deepEqual(split([1, 2, 3], {}), [[1, 2, 3]]);
  });

  test("are cut by count and by size, and an oversized item travels alone", () => {
    assert.deepEqual(split([1, 1, 1, 1, 1], { maxCount: 2 }), [[1, 1], [1, 1], [1]]);
    assert.deepEqual(split([40, 40, 40], { maxBytes: 100 }), [[40, 40], [40]]);
    assert.deepEqual(split([10, 500, 10], { maxBytes: 100 }), [[10], [500], [10]]);
  });

  test("keep every item in order, and no batch of several items is above a limit", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200)), fc.integer({ min: 1, max: 9 }), (sizes, maxCount) => {
        const batches = split(sizes, { maxCount, maxBytes: 300 });
        assert.deepEqual(batches.flat(), sizes);
        for (const batch of batches) {
          assert.ok(batch.length >= 1 && batch.length <= maxCount);
          const bytes = batch.reduce((sum, size) => sum + size + 6, 0);
          assert.ok(batch.length === 1 || bytes <= 300);
        }
      }),
    );
  });
});
