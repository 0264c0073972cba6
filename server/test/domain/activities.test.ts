import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { activityText } from "../../src/domain/activities.ts";

const sources = fileURLToPath(new URL("../../src", import.meta.url));

suite("the activities of the audit log", () => {
  test("every code that the server writes has a sentence", () => {
    const codes = new Set<string>();
    for (const file of readdirSync(sources, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts")) continue;
      const text = readFileSync(join(sources, file), "utf8");
      const calls = [...text.matchAll(/\b(?:audit|tell|add|flag)\(([^;]*?)\);/gs)];
      for (const [, call] of calls) {
        for (const [, code] of call!.matchAll(/"([a-z]+(?:\.[a-z]+)+)"/g)) codes.add(code!);
      }
    }
    assert.ok(codes.size > 40, `the search finds them: ${[...codes].join(" ")}`);
    const silent = [...codes].filter(
      (code) => activityText(code) === code && activityText(`${code}.enable`) === `${code}.enable`,
    );
    assert.deepEqual(silent, []);
  });
});
