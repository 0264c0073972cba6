import assert from "node:assert/strict";
import { PlannedNames } from "../../src/resources/planned-names.ts";

suite("names before and after an apply", () => {
  test("nobody that is managed here has it: it stays taken", () => {
    assert.equal(new PlannedNames().becomesFree("shop"), false);
  });

  test("who has it is not planned yet, keeps it, takes another one, or goes", () => {
    const names = new PlannedNames();
    names.stored("1", ["shop", "10.0.0.1"]);
    assert.equal(names.becomesFree("shop"), "perhaps");
    names.planned("1", ["shop", "10.0.0.2"]);
    assert.equal(names.becomesFree("shop"), false);
    assert.equal(names.becomesFree("10.0.0.1"), true);
    names.planned("1", []);
    assert.equal(names.becomesFree("shop"), true);
  });
});
