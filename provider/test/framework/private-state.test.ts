import assert from "node:assert/strict";
import { PrivateState } from "../../src/framework/private-state.ts";

suite("private state", () => {
  test("survives a round through Terraform", () => {
    const first = new PrivateState();
    assert.equal(first.bytes().length, 0);
    first.set("revision", 7);
    assert.equal(new PrivateState(first.bytes()).get("revision"), 7);
  });

  test("that is not ours reads as empty", () => {
    for (const bytes of ["[1]", "null", "{", "\u0000\u0001"])
      assert.equal(new PrivateState(Buffer.from(bytes)).get("revision"), undefined);
  });
});
