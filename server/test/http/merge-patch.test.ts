import assert from "node:assert/strict";
import { mergePatch } from "../../src/http/merge-patch.ts";

// Source: RFC 7396, appendix A.
const vectors: [target: unknown, patch: unknown, result: unknown][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

suite("JSON merge patch", () => {
  test("gives what the RFC's examples give, and changes neither side", () => {
    for (const [target, patch, result] of vectors) {
      const before = JSON.stringify([target, patch]);
      assert.deepEqual(mergePatch(target, patch), result, before);
      assert.equal(JSON.stringify([target, patch]), before);
    }
  });

  test("cannot change the object's prototype", () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"admin":true}}')) as { admin?: boolean };
    assert.equal(merged.admin, undefined);
    assert.deepEqual(Object.keys(merged), []);
  });
});
