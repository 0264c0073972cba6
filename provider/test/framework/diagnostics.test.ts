import assert from "node:assert/strict";
import { Diagnostics } from "../../src/framework/diagnostics.ts";
import { type Path, pathText, pointablePath } from "../../src/framework/path.ts";
import { failureDiagnostics, wireDiagnostics } from "../../src/plugin/wire-diagnostics.ts";

suite("diagnostics", () => {
  test("point as far as Terraform can follow, and say the rest", () => {
    const cases: [Path, Path, string][] = [
      [["name"], ["name"], "name"],
      [["list", 1], ["list", 1], "list[1]"],
      [["targets", { key: "/api" }], ["targets", { key: "/api" }], 'targets["/api"]'],
      [["targets", { key: "/api" }, "port"], ["targets", { key: "/api" }], 'targets["/api"].port'],
      [["auth", "password", "value"], ["auth"], "auth.password.value"],
      [[], [], ""],
    ];
    for (const [path, pointable, text] of cases) {
      assert.deepEqual(pointablePath(path), pointable);
      assert.equal(pathText(path), text);
      const diagnostics = new Diagnostics();
      diagnostics.error(path, "summary", "detail");
      assert.deepEqual(diagnostics.items[0]!.path, pointable);
      assert.equal(
        diagnostics.items[0]!.detail.includes(text),
        pointable.length !== path.length || text === "",
      );
    }
  });

  test("never have severity 0, and an index of 0 is sent", () => {
    const [error, warning] = wireDiagnostics([
      { severity: "error", summary: "s", detail: "", path: ["list", 0] },
      { severity: "warning", summary: "s", detail: "" },
    ]);
    assert.deepEqual([error!.severity, warning!.severity], [1, 2]);
    assert.deepEqual(error!.attribute!.steps[1], { selector: { $case: "elementKeyInt", value: 0n } });
    assert.equal(warning!.attribute, undefined);
  });

  test("anything thrown becomes one error", () => {
    for (const thrown of [new Error("boom"), "boom", undefined, { odd: true }])
      assert.equal(failureDiagnostics(thrown)[0]!.severity, "error");
  });
});
