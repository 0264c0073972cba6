import assert from "node:assert/strict";
import { equalValues } from "../../src/convert/compare.ts";
import { canonicalNumber, parseNumber } from "../../src/convert/number-text.ts";
import { Decimal, objectOf, unknown } from "../../src/convert/value.ts";

suite("comparing values", () => {
  test("a set has no order and no duplicates", () => {
    assert.ok(equalValues(["set", "string"], ["a", "b"], ["b", "a", "a"]));
    assert.ok(!equalValues(["set", "string"], ["a"], ["a", "b"]));
    assert.ok(!equalValues(["list", "string"], ["a", "b"], ["b", "a"]));
  });

  test("a set of objects compares by content", () => {
    const a = objectOf([
      ["n", 1],
      ["s", "x"],
    ]);
    const b = objectOf([
      ["n", 2],
      ["s", "y"],
    ]);
    assert.ok(equalValues(["set", ["object", { n: "number", s: "string" }]], [a, b], [b, a]));
  });

  test("one number has many spellings", () => {
    for (const [a, b] of [
      ["10", "1e1"],
      ["10", "10.0"],
      ["0.1", "1e-1"],
      ["-0", "0"],
      ["100000000000000000000", "1e20"],
    ] as const)
      assert.equal(canonicalNumber(new Decimal(a)), canonicalNumber(new Decimal(b)), `${a} and ${b}`);
    assert.equal(canonicalNumber(0.1), canonicalNumber(new Decimal("0.1")));
    assert.notEqual(
      canonicalNumber(12_345_678_901_234_567_890n),
      canonicalNumber(12_345_678_901_234_567_891n),
    );
  });

  test("null, empty and unknown are different things", () => {
    assert.ok(!equalValues(["list", "string"], null, []));
    assert.ok(!equalValues("string", null, ""));
    assert.ok(!equalValues("string", unknown, null));
    assert.ok(equalValues("string", unknown, unknown));
  });

  test("a map compares by content", () => {
    const type = ["map", "number"] as const;
    assert.ok(
      equalValues(
        type,
        new Map([
          ["a", 1],
          ["b", 2],
        ]),
        new Map([
          ["b", 2],
          ["a", 1],
        ]),
      ),
    );
    assert.ok(!equalValues(type, new Map([["a", 1]]), new Map([["a", 2]])));
  });

  test("text that is no number is none", () => {
    for (const text of ["", "x", "1x", "0x10", "1e", "NaN", "Infinity", "--1"])
      assert.equal(parseNumber(text), undefined);
  });
});
