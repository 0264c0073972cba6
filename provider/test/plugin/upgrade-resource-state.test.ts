import assert from "node:assert/strict";
import { Decimal } from "../../src/convert/value.ts";
import type { Resource } from "../../src/framework/resource.ts";
import { integer, text } from "../../src/framework/schema.ts";
import { upgradeStored } from "../../src/plugin/rpc/upgrade-resource-state.ts";

const attributes = {
  id: text({ description: "d", computed: true }),
  seconds: integer({ description: "d", optional: true }),
};
const never = () => Promise.reject(new Error("not asked"));
const resource = {
  typeName: "test_thing",
  schema: { version: 2, description: "d", attributes },
  create: never,
  read: never,
  update: never,
  delete: never,
  upgrades: {
    0: (stored) => new Map([...stored, ["minutes", stored.get("mins") ?? null]]),
    1: (stored) => {
      const minutes = stored.get("minutes");
      return new Map([
        ["id", stored.get("id") ?? null],
        ["seconds", minutes instanceof Decimal ? new Decimal(String(Number(minutes.text) * 60)) : null],
      ]);
    },
  },
} satisfies Resource<typeof attributes, unknown>;

suite("upgrading stored state", () => {
  const upgrade = (version: bigint, json: string) =>
    upgradeStored(resource as never, version, Buffer.from(json));

  test("goes through every version in between", () => {
    assert.deepEqual({ ...upgrade(0n, `{"id":"x","mins":2}`) }, { id: "x", seconds: 120 });
    assert.deepEqual({ ...upgrade(1n, `{"id":"x","minutes":3}`) }, { id: "x", seconds: 180 });
    assert.deepEqual({ ...upgrade(2n, `{"id":"x","seconds":9,"extra":true}`) }, { id: "x", seconds: 9 });
  });

  test("a state of before JSON is refused with words", () => {
    assert.throws(() => upgrade(2n, ""), /too old/);
  });
});
