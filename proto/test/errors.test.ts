import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { AppError, errorCodes, reasonCodes, warningCodes } from "../src/errors.ts";

const document = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");

/** The rows of the table under a heading, without the spaces that line columns up. */
function rows(heading: string): string[] {
  const section = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  const lines = section.split("\n").filter((line) => line.startsWith("| `"));
  return lines.map((line) => line.replace(/ +\| */g, " | ").trimEnd());
}

suite("the error catalogue", () => {
  test("docs/errors.md lists exactly its errors, with statuses and hints", () => {
    const expected = Object.entries(errorCodes).map(
      ([code, { http, grpc, hint }]) => `| \`${code}\` | ${http} | ${grpc} | ${hint} |`,
    );
    assert.deepEqual(rows("Errors"), expected);
  });

  test("and exactly its reasons and warnings", () => {
    const expected = (codes: Record<string, { hint: string }>) =>
      Object.entries(codes).map(([code, { hint }]) => `| \`${code}\` | ${hint} |`);
    assert.deepEqual(rows("Status reasons"), expected(reasonCodes));
    assert.deepEqual(rows("Warnings"), expected(warningCodes));
  });

  test("every code is an area and a name, and says what to do", () => {
    for (const [code, { hint }] of Object.entries({ ...errorCodes, ...reasonCodes, ...warningCodes })) {
      assert.match(code, /^[a-z_]+(\.[a-z_]+)?$/);
      assert.match(hint, /^[A-Z].*\.$/, code);
    }
  });

  test("a thrower's hint wins over the catalogue's", () => {
    assert.equal(new AppError("domain.taken", "x").hint, errorCodes["domain.taken"].hint);
    assert.equal(new AppError("domain.taken", "x", { hint: "Do that." }).hint, "Do that.");
  });
});
