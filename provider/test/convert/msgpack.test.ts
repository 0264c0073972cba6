import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalText, equalValues } from "../../src/convert/compare.ts";
import { ConversionError, type CtyType } from "../../src/convert/cty-type.ts";
import { decodeMsgpack } from "../../src/convert/decode-msgpack.ts";
import { encodeMsgpack } from "../../src/convert/encode-msgpack.ts";
import {
  Decimal,
  Dynamic,
  objectOf,
  Unknown,
  unknown,
  unknownNotNull,
  type Value,
} from "../../src/convert/value.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");
const hex = (buffer: Uint8Array) => Buffer.from(buffer).toString("hex");

suite("values as msgpack", () => {
  // What Terraform sends for each kind of value, byte for byte.
  const rows: [string, CtyType, Value, string][] = [
    ["null", "string", null, "c0"],
    ["null of a list", ["list", "string"], null, "c0"],
    ["empty text", "string", "", "a0"],
    ["text", "string", "ab", "a26162"],
    ["text of 32 bytes", "string", "x".repeat(32), `d920${"78".repeat(32)}`],
    ["false", "bool", false, "c2"],
    ["true", "bool", true, "c3"],
    ["0", "number", 0, "00"],
    ["127", "number", 127, "7f"],
    ["128", "number", 128, "cc80"],
    ["256", "number", 256, "cd0100"],
    ["65536", "number", 65_536, "ce00010000"],
    ["2^32", "number", 2 ** 32, "d30000000100000000"],
    ["-1", "number", -1, "ff"],
    ["-33", "number", -33, "d0df"],
    ["-129", "number", -129, "d1ff7f"],
    ["-32769", "number", -32_769, "d2ffff7fff"],
    ["-2^31-1", "number", -(2 ** 31) - 1, "d3ffffffff7fffffff"],
    ["2^53", "number", 2n ** 53n, "d30020000000000000"],
    ["2^63-1", "number", 2n ** 63n - 1n, "d37fffffffffffffff"],
    ["-2^63", "number", -(2n ** 63n), "d38000000000000000"],
    ["2^63, as text", "number", 2n ** 63n, `b3${Buffer.from("9223372036854775808").toString("hex")}`],
    ["2^64, as text", "number", 2n ** 64n, `b4${Buffer.from("18446744073709551616").toString("hex")}`],
    ["0.5", "number", 0.5, "cb3fe0000000000000"],
    ["0.1, as text", "number", new Decimal("0.1"), "a3302e31"],
    ["1e30, as text", "number", new Decimal("1e30"), "a431653330"],
    ["empty list", ["list", "string"], [], "90"],
    ["list", ["list", "number"], [1, 2], "920102"],
    ["set", ["set", "string"], ["a"], "91a161"],
    ["tuple", ["tuple", ["string", "bool"]], ["a", true], "92a161c3"],
    ["empty map", ["map", "string"], new Map(), "80"],
    ["map", ["map", "number"], new Map([["__proto__", 1]]), "81a95f5f70726f746f5f5f01"],
    [
      "object with a null",
      ["object", { b: "bool", a: "string" }],
      objectOf([
        ["a", null],
        ["b", true],
      ]),
      "82a161c0a162c3",
    ],
    ["unknown", "string", unknown, "d40000"],
    ["unknown list", ["list", "string"], unknown, "d40000"],
    ["unknown, not null", "string", unknownNotNull, "c7030c8101c2"],
    [
      "unknown with prefix",
      "string",
      new Unknown(new Uint8Array(bytes("8201c202a4707265 2d"))),
      "c7090c8201c202a47072652d",
    ],
    ["dynamic", "dynamic", new Dynamic("string", "a"), "92c40822737472696e6722a161"],
    ["null of dynamic", "dynamic", null, "c0"],
    ["unknown of dynamic", "dynamic", unknown, "d40000"],
    ["dynamic, unknown value", "dynamic", new Dynamic("string", unknown), "92c40822737472696e6722d40000"],
  ];
  for (const [name, type, value, encoded] of rows) {
    test(`${name} is written and read`, () => {
      assert.equal(hex(encodeMsgpack(type, value)), encoded);
      assert.deepEqual(decodeMsgpack(type, bytes(encoded)), value);
    });
  }

  test("every spelling of a number is read", () => {
    const spellings: [string, Value][] = [
      ["cc05", 5],
      ["cd0005", 5],
      ["ce00000005", 5],
      ["cf0000000000000005", 5],
      ["cfffffffffffffffff", 2n ** 64n - 1n],
      ["d005", 5],
      ["d10005", 5],
      ["d200000005", 5],
      ["d30000000000000005", 5],
      ["ca3fc00000", 1.5],
      ["cb4014000000000000", 5],
      ["cb4340000000000000", 2n ** 53n],
      ["a135", 5],
      ["a3352e30", new Decimal("5.0")],
    ];
    for (const [encoded, value] of spellings)
      assert.deepEqual(decodeMsgpack("number", bytes(encoded)), value);
  });

  test("any extension with a short payload is an unknown", () => {
    for (const encoded of ["d40000", "d40500", "c70000", "d47f01"])
      assert.equal(decodeMsgpack("number", bytes(encoded)), unknown);
    assert.throws(() => decodeMsgpack("number", bytes("d5050000")), ConversionError);
  });

  test("an attribute that an object lacks is written as null, one too many is refused", () => {
    const type: CtyType = ["object", { a: "string", b: "string" }];
    assert.equal(hex(encodeMsgpack(type, objectOf([["b", "x"]]))), "82a161c0a162a178");
    assert.throws(() => encodeMsgpack(type, objectOf([["c", "x"]])), /no attribute "c"/);
    assert.throws(() => decodeMsgpack(type, bytes("81a161c0")), /"b" is missing/);
    assert.throws(() => decodeMsgpack(type, bytes("83a161c0a162c0a163c0")), /no attribute "c"/);
  });

  test("numbers that would crash Terraform are refused", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
      assert.throws(() => encodeMsgpack("number", value), ConversionError);
    assert.throws(() => decodeMsgpack("number", bytes("cb7ff8000000000000")), ConversionError);
  });

  test("text is sent in NFC", () => {
    assert.equal(hex(encodeMsgpack("string", "e\u0301")), hex(encodeMsgpack("string", "\u00e9")));
  });

  test("a wrong type names the place", () => {
    const type: CtyType = ["object", { list: ["list", ["map", "number"]] }];
    const value = objectOf([["list", [new Map<string, Value>([["k", "text"]])]]]);
    assert.throws(() => encodeMsgpack(type, value), /list\.0\.k: not a number/);
    assert.throws(
      () => decodeMsgpack(type, bytes("81a46c6973749181a16ba178")),
      /list\.0\.k: a number is needed/,
    );
  });

  test("long arrays, maps and texts survive", () => {
    const list = Array.from({ length: 70_000 }, (_, index) => index);
    assert.deepEqual(decodeMsgpack(["list", "number"], encodeMsgpack(["list", "number"], list)), list);
    const map = new Map(list.map((index) => [`key${index}`, index]));
    assert.deepEqual(decodeMsgpack(["map", "number"], encodeMsgpack(["map", "number"], map)), map);
    const text = "ä".repeat(8 * 1024 * 1024);
    assert.equal(decodeMsgpack("string", encodeMsgpack("string", text)), text);
  });

  test("a length that the bytes cannot hold is refused before anything is allocated", () => {
    for (const encoded of ["ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff"])
      assert.throws(() => decodeMsgpack(["list", "string"], bytes(encoded)), ConversionError);
  });

  test("whatever bytes come, the answer is a value or a ConversionError", () => {
    const types: CtyType[] = [
      "string",
      "number",
      "bool",
      "dynamic",
      ["list", "string"],
      ["map", ["set", "number"]],
      ["object", { a: "string", b: ["list", "bool"] }],
      ["tuple", ["string", "dynamic"]],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 64 }), (type, input) => {
        try {
          const value = decodeMsgpack(type, input);
          decodeMsgpack(type, encodeMsgpack(type, value));
        } catch (error) {
          if (!(error instanceof ConversionError)) throw error;
        }
      }),
      { numRuns: 5_000 },
    );
  });

  test("any value of any type comes back equal", () => {
    fc.assert(
      fc.property(typedValue, ([type, value]) => {
        const back = decodeMsgpack(type, encodeMsgpack(type, value));
        assert.equal(canonicalText(type, back), canonicalText(type, value));
        assert.ok(equalValues(type, back, value));
      }),
      { numRuns: 1_000 },
    );
  });
});

const numberValue: fc.Arbitrary<Value> = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc
    .tuple(fc.bigInt(), fc.integer({ min: -300, max: 300 }))
    .map(([digits, power]) => new Decimal(`${digits}e${power}`)),
);

/** A type, and a value of it. */
const { typed: typedValue } = fc.letrec<{ typed: [CtyType, Value] }>((tie) => ({
  typed: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "grapheme" }).map((text): [CtyType, Value] => ["string", text.normalize("NFC")]),
    fc.boolean().map((flag): [CtyType, Value] => ["bool", flag]),
    numberValue.map((number): [CtyType, Value] => ["number", number]),
    fc.constantFrom<[CtyType, Value]>(["string", null], ["number", unknown], ["bool", unknownNotNull]),
    tie("typed").map(([type, value]): [CtyType, Value] => [
      ["list", type],
      [value, null, value],
    ]),
    tie("typed").map(([type, value]): [CtyType, Value] => [["set", type], [value]]),
    fc
      .tuple(fc.string(), tie("typed"))
      .map(([key, [type, value]]): [CtyType, Value] => [
        ["map", type],
        new Map([[key.normalize("NFC"), value]]),
      ]),
    fc.tuple(tie("typed"), tie("typed")).map(([[a, one], [b, two]]): [CtyType, Value] => [
      ["object", { a, constructor: b }],
      objectOf([
        ["a", one],
        ["constructor", two],
      ]),
    ]),
    fc.tuple(tie("typed"), tie("typed")).map(([[a, one], [b, two]]): [CtyType, Value] => [
      ["tuple", [a, b]],
      [one, two],
    ]),
    tie("typed").map(([type, value]): [CtyType, Value] => ["dynamic", new Dynamic(type, value)]),
  ),
}));
