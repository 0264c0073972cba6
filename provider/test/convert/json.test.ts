import assert from "node:assert/strict";
import fc from "fast-check";
import { ConversionError, type CtyType } from "../../src/convert/cty-type.ts";
import { decodeJson } from "../../src/convert/decode-json.ts";
import { type LosslessJson, parseLosslessJson } from "../../src/convert/lossless-json.ts";
import { Decimal, Dynamic, objectOf } from "../../src/convert/value.ts";

suite("values as JSON of the state", () => {
  test("no digit of a number is lost", () => {
    assert.equal(decodeJson("number", "12345678901234567890123"), 12_345_678_901_234_567_890_123n);
    assert.equal(decodeJson("number", "9007199254740993"), 9_007_199_254_740_993n);
    assert.equal(decodeJson("number", "42"), 42);
    assert.equal(decodeJson("number", "0.5"), 0.5);
    assert.deepEqual(
      decodeJson("number", "0.10000000000000000000001"),
      new Decimal("0.10000000000000000000001"),
    );
  });

  test("keys the schema lacks are dropped, keys the state lacks are null", () => {
    const type: CtyType = ["object", { a: "string", b: ["list", "bool"] }];
    assert.deepEqual(
      decodeJson(type, `{"a":"x","gone":1}`),
      objectOf([
        ["a", "x"],
        ["b", null],
      ]),
    );
  });

  test("a dynamic value carries its type", () => {
    assert.deepEqual(
      decodeJson("dynamic", `{"value":["a"],"type":["list","string"]}`),
      new Dynamic(["list", "string"], ["a"]),
    );
  });

  test("primitives change their type as Terraform changes them", () => {
    assert.equal(decodeJson("string", "7"), "7");
    assert.equal(decodeJson("string", "true"), "true");
    assert.equal(decodeJson("number", `"7"`), 7);
    assert.equal(decodeJson("bool", `"true"`), true);
    assert.throws(() => decodeJson("bool", `"yes"`), ConversionError);
    assert.throws(() => decodeJson(["object", { a: ["list", "bool"] }], `{"a":[1]}`), /a\.0: not a bool/);
  });

  test("special keys are keys like others", () => {
    const parsed = decodeJson(["map", "string"], `{"__proto__":"p","constructor":"c","2":"b","1":"a"}`);
    assert.deepEqual([...(parsed as Map<string, string>).keys()], ["__proto__", "constructor", "2", "1"]);
  });

  test("everything that JSON.parse reads is read the same", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(undefined, 2), (text, indent) => {
        const value: unknown = JSON.parse(text);
        const shown = JSON.stringify(value, null, indent);
        assert.deepEqual(
          plain(parseLosslessJson(shown)),
          JSON.parse(shown, (_, v) => v),
        );
      }),
    );
  });

  test("what JSON.parse refuses is refused", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'{}[]",:0123456789.eE+-truefalsn \\u\n') }),
        (text) => {
          let valid = true;
          try {
            JSON.parse(text);
          } catch {
            valid = false;
          }
          if (valid) parseLosslessJson(text);
          else assert.throws(() => parseLosslessJson(text), ConversionError);
        },
      ),
      { numRuns: 5_000 },
    );
  });
});

function plain(json: LosslessJson): unknown {
  if (json instanceof Decimal) return Number(json.text);
  if (json instanceof Map) {
    const object: Record<string, unknown> = {};
    for (const [key, value] of json)
      Object.defineProperty(object, key, {
        value: plain(value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    return object;
  }
  return Array.isArray(json) ? json.map(plain) : json;
}
