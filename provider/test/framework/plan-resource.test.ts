import assert from "node:assert/strict";
import { isUnknown, type ObjectValue, objectOf, unknown, type Value } from "../../src/convert/value.ts";
import { sameDuration } from "../../src/framework/duration.ts";
import {
  requiresReplace,
  requiresReplaceIfConfigured,
  requiresReplaceIfStored,
  useNonNullStateForUnknown,
  useStateForUnknown,
} from "../../src/framework/plan-modifiers.ts";
import { planAttributes } from "../../src/framework/plan-resource.ts";
import { flag, integer, nested, nestedMap, setOfText, text } from "../../src/framework/schema.ts";

const d = "description";
const attributes = {
  id: text({ description: d, computed: true, modifiers: [useStateForUnknown()] }),
  name: text({ description: d, required: true }),
  size: integer({ description: d, default: 3 }),
  kind: text({ description: d, optional: true, modifiers: [requiresReplace()] }),
  zone: text({ description: d, optional: true, computed: true, modifiers: [requiresReplaceIfConfigured()] }),
  lifetime: text({
    description: d,
    optional: true,
    sameMeaning: sameDuration,
    modifiers: [requiresReplaceIfStored()],
  }),
  secret: text({ description: d, optional: true, writeOnly: true }),
  tags: setOfText({ description: d, optional: true }),
  updated: text({ description: d, computed: true }),
  detail: nested(
    {
      on: flag({ description: d, default: true }),
      token: text({ description: d, computed: true, modifiers: [useNonNullStateForUnknown()] }),
    },
    { description: d, optional: true },
  ),
  parts: nestedMap(
    {
      port: integer({ description: d, default: 80 }),
      key: text({ description: d, optional: true, writeOnly: true }),
    },
    { description: d, optional: true },
  ),
};

const nothing = objectOf(Object.keys(attributes).map((name) => [name, null]));
const config = (values: Record<string, Value>): ObjectValue =>
  objectOf([...Object.entries(nothing), ...Object.entries(values)]);

/** What Terraform proposes: configured values over stored ones, stored ones only where computed. */
function proposed(prior: ObjectValue | null, configured: ObjectValue): ObjectValue {
  return objectOf(
    Object.entries(attributes).map(([name, attribute]) => [
      name,
      configured[name] ?? (attribute.computed ? (prior?.[name] ?? null) : null),
    ]),
  );
}

function plan(prior: ObjectValue | null, values: Record<string, Value>) {
  const configured = config(values);
  return planAttributes(attributes, prior, proposed(prior, configured), configured);
}

const stored = config({ id: "1", name: "a", size: 3, zone: "eu", updated: "then" });

suite("planning attributes", () => {
  test("on create, defaults are known and computed values unknown", () => {
    const { plan: planned, changed } = plan(null, { name: "a" });
    assert.ok(changed);
    assert.equal(planned.size, 3);
    for (const name of ["id", "zone", "updated"]) assert.ok(isUnknown(planned[name]!), name);
    for (const name of ["kind", "tags", "detail", "parts"]) assert.equal(planned[name], null, name);
  });

  test("without a change the plan is what is stored", () => {
    const { plan: planned, changed } = plan(stored, { name: "a" });
    assert.ok(!changed);
    assert.deepEqual(planned, stored);
  });

  test("with a change, what may change with it is unknown and the rest is as stored", () => {
    const { plan: planned } = plan(stored, { name: "b" });
    assert.equal(planned.id, "1");
    assert.ok(isUnknown(planned.updated!));
    assert.equal(planned.size, 3);
  });

  test("a drift of an attribute with a default is planned back", () => {
    const { plan: planned, changed } = plan(config({ ...stored, size: 9 }), { name: "a" });
    assert.ok(changed);
    assert.equal(planned.size, 3);
  });

  test("write-only values are never planned", () => {
    const { plan: planned, changed } = plan(stored, { name: "a", secret: "s3cret" });
    assert.equal(planned.secret, null);
    assert.ok(!changed);
    const inMap = plan(null, {
      name: "a",
      parts: new Map([
        [
          "x",
          objectOf([
            ["port", null],
            ["key", "s3cret"],
          ]),
        ],
      ]),
    });
    assert.deepEqual(
      inMap.plan.parts,
      new Map([
        [
          "x",
          objectOf([
            ["port", 80],
            ["key", null],
          ]),
        ],
      ]),
    );
  });

  test("another spelling of the same keeps the stored one", () => {
    const { plan: planned, changed } = plan(config({ ...stored, lifetime: "1m" }), {
      name: "a",
      lifetime: "60s",
    });
    assert.ok(!changed);
    assert.equal(planned.lifetime, "1m");
  });

  test("the order of a set is no change; empty and nothing are two things", () => {
    assert.ok(!plan(config({ ...stored, tags: ["a", "b"] }), { name: "a", tags: ["b", "a"] }).changed);
    assert.ok(plan(stored, { name: "a", tags: [] }).changed);
    assert.deepEqual(plan(stored, { name: "a", tags: [] }).plan.tags, []);
  });

  test("nested objects get defaults and unknowns of their own", () => {
    const detail = objectOf([
      ["on", null],
      ["token", null],
    ]);
    const created = plan(null, { name: "a", detail }).plan.detail as ObjectValue;
    assert.equal(created.on, true);
    assert.ok(isUnknown(created.token!));
    const before = config({
      ...stored,
      detail: objectOf([
        ["on", false],
        ["token", "t"],
      ]),
    });
    const changed = plan(before, { name: "a", detail }).plan.detail as ObjectValue;
    assert.deepEqual({ ...changed }, { on: true, token: "t" });
  });

  test("unknown configuration stays unknown", () => {
    const { plan: planned } = plan(stored, { name: unknown, parts: unknown, size: unknown });
    for (const name of ["name", "parts", "size"]) assert.ok(isUnknown(planned[name]!), name);
  });

  test("a different, or possibly different, value needs a new object", () => {
    const paths = (prior: ObjectValue | null, values: Record<string, Value>) =>
      plan(prior, values).requiresReplace;
    assert.deepEqual(paths(config({ ...stored, kind: "x" }), { name: "a", kind: "y" }), [["kind"]]);
    assert.deepEqual(paths(config({ ...stored, kind: "x" }), { name: "a", kind: unknown }), [["kind"]]);
    assert.deepEqual(paths(config({ ...stored, kind: "x" }), { name: "b", kind: "x" }), []);
    assert.deepEqual(paths(null, { name: "a", kind: "y" }), []);
    assert.deepEqual(paths(stored, { name: "a", zone: "us" }), [["zone"]]);
    assert.deepEqual(paths(stored, { name: "b" }), [], "zone is left alone");
    assert.deepEqual(paths(stored, { name: "a", lifetime: "1m" }), [], "an imported object adopts the value");
    assert.deepEqual(paths(config({ ...stored, lifetime: "1m" }), { name: "a", lifetime: "2m" }), [
      ["lifetime"],
    ]);
    const both = paths(config({ ...stored, kind: "x" }), { name: "a", kind: "y", zone: "us" });
    assert.deepEqual(both, [["kind"], ["zone"]], "in a fixed order");
  });
});
