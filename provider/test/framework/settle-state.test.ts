import assert from "node:assert/strict";
import { objectOf, unknown } from "../../src/convert/value.ts";
import { sameDuration } from "../../src/framework/duration.ts";
import { flag, integer, listOfText, nested, nestedMap, setOfText, text } from "../../src/framework/schema.ts";
import { completeState, settleApplied, settlePartial, settleRead } from "../../src/framework/settle-state.ts";

const d = "description";
const attributes = {
  id: text({ description: d, computed: true }),
  note: text({ description: d, optional: true }),
  limit: integer({ description: d, optional: true }),
  pause: text({ description: d, optional: true, sameMeaning: sameDuration }),
  tags: setOfText({ description: d, optional: true }),
  found: listOfText({ description: d, computed: true }),
  secret: text({ description: d, optional: true, writeOnly: true }),
  wait: flag({ description: d, default: true, clientOnly: true }),
  options: nested({ strict: flag({ description: d, optional: true }) }, { description: d, optional: true }),
  login: nested(
    { hint: text({ description: d, optional: true }) },
    { description: d, optional: true, presence: true },
  ),
  parts: nestedMap(
    {
      port: integer({ description: d, optional: true }),
      version: integer({ description: d, optional: true, clientOnly: true }),
    },
    { description: d, optional: true },
  ),
  status: text({ description: d, computed: true }),
};
const state = (values: object) => completeState(attributes, values as never);

suite("the state after a read", () => {
  test("keeps the user's spelling wherever it means the same", () => {
    const prior = state({
      id: "1",
      pause: "60s",
      tags: ["b", "a"],
      note: "",
      limit: 0,
      options: { strict: false },
    });
    const told = {
      id: "1",
      pause: "1m0s",
      tags: ["a", "b"],
      note: null,
      limit: null,
      options: null,
      found: [],
    };
    const read = settleRead(attributes, prior, told);
    assert.deepEqual(
      [read.pause, read.tags, read.note, read.limit, { ...(read.options as object) }],
      ["60s", ["b", "a"], "", 0, { strict: false }],
    );
  });

  test("shows what really differs", () => {
    const prior = state({ id: "1", pause: "60s", tags: ["a"], note: "x" });
    const read = settleRead(attributes, prior, {
      id: "1",
      pause: "2m",
      tags: [],
      note: "y",
      limit: 5,
      options: { strict: true },
    });
    assert.deepEqual(
      [read.pause, read.tags, read.note, read.limit, { ...(read.options as object) }],
      ["2m", [], "y", 5, { strict: true }],
    );
  });

  test("keeps what the API does not tell, and gives it its default after an import", () => {
    assert.equal(settleRead(attributes, state({ id: "1", wait: false }), { id: "1" }).wait, false);
    assert.equal(settleRead(attributes, state({ id: "1" }), { id: "1" }).wait, true);
    const prior = state({ id: "1", parts: new Map([["a", { port: 1, version: 7 }]]) });
    const read = settleRead(attributes, prior, {
      parts: new Map([
        ["a", { port: 2 }],
        ["b", { port: 3 }],
      ]),
    });
    assert.deepEqual(
      read.parts,
      new Map([
        [
          "a",
          objectOf([
            ["port", 2],
            ["version", 7],
          ]),
        ],
        [
          "b",
          objectOf([
            ["port", 3],
            ["version", null],
          ]),
        ],
      ]),
    );
  });

  test("empty on the server is nothing when nothing is stored, but a computed list is as told", () => {
    const read = settleRead(attributes, state({ id: "1" }), {
      note: "",
      limit: 0,
      tags: [],
      found: [],
      options: {},
    });
    assert.deepEqual([read.note, read.limit, read.tags, read.options], [null, null, null, null]);
    assert.deepEqual(read.found, []);
  });

  test("an object that counts by its presence comes and goes", () => {
    const without = state({ id: "1" });
    assert.deepEqual({ ...(settleRead(attributes, without, { login: {} }).login as object) }, { hint: null });
    assert.equal(settleRead(attributes, state({ id: "1", login: {} }), { login: null }).login, null);
  });

  test("never has a write-only value", () => {
    assert.equal(settleRead(attributes, null, { secret: "s3cret" }).secret, null);
    assert.equal(completeState(attributes, { secret: "s3cret" }).secret, null);
  });
});

suite("the state after an apply", () => {
  const planned = objectOf([
    ...Object.entries(state({ note: "n", pause: "60s", status: "active" })),
    ["id", unknown],
    ["found", unknown],
    ["options", objectOf([["strict", unknown]])],
  ]);

  test("is exactly what was planned, and what was told for the rest", () => {
    const after = settleApplied(attributes, planned, {
      id: "7",
      pause: "1m0s",
      note: "N",
      options: { strict: true },
      status: "pending",
    });
    assert.deepEqual(
      [after.id, after.pause, after.note, after.status, after.found, { ...(after.options as object) }],
      ["7", "60s", "n", "active", null, { strict: true }],
    );
  });

  test("after a failure half-way shows what the API said of its own attributes", () => {
    const after = settlePartial(attributes, planned, { id: "7", note: "N", status: "pending" });
    assert.deepEqual([after.id, after.note, after.status], ["7", "n", "pending"]);
  });

  test("has no unknown left, even when nothing was told", () => {
    const after = settleApplied(attributes, planned, {});
    assert.deepEqual(
      [after.id, after.found, { ...(after.options as object) }],
      [null, null, { strict: null }],
    );
  });
});
