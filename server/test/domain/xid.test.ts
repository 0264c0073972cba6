import assert from "node:assert/strict";
import { newId } from "../../src/domain/xid.ts";

suite("xid", () => {
  test("ids have 20 characters, sort by time and never repeat", () => {
    const ids = Array.from({ length: 1000 }, (_, n) => newId(1_700_000_000_000 + n * 1000));
    for (const id of ids) assert.match(id, /^[0-9a-v]{20}$/);
    assert.deepEqual([...ids].sort(), ids);
    assert.equal(new Set(Array.from({ length: 10_000 }, () => newId(0))).size, 10_000);
  });
});
