import assert from "node:assert/strict";
import { createdSince, xidTimeMs } from "../../src/client/created-since.ts";

suite("the age of an object", () => {
  test("is read from its id", () => {
    // The example of the xid specification.
    assert.equal(xidTimeMs("9m4e2mr0ui3e8a215n4g"), 0x4d88e15b * 1000);
    assert.equal(xidTimeMs("group-1"), undefined);
  });

  test("decides whether it is the one that was asked for", () => {
    const nowMs = Date.parse("2026-01-01T00:00:00Z");
    assert.ok(createdSince(nowMs, { id: "x", createdAt: "2026-01-01T00:00:01Z" }));
    assert.ok(createdSince(nowMs, { id: "x", createdAt: "2025-12-31T23:59:50Z" }), "clocks differ");
    assert.ok(!createdSince(nowMs, { id: "x", createdAt: "2025-12-31T00:00:00Z" }));
    assert.ok(!createdSince(nowMs, { id: "x" }), "not known");
    assert.ok(!createdSince(nowMs, { id: "9m4e2mr0ui3e8a215n4g" }));
  });
});
