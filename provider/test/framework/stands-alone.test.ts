import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const sources = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "src");

suite("the framework", () => {
  test("imports nothing but itself and the conversion of values, so that another provider could be written with it", () => {
    for (const folder of ["framework", "convert"]) {
      const files = readdirSync(join(sources, folder)).filter((file) => file.endsWith(".ts"));
      assert.ok(files.length > 5, folder);
      for (const file of files) {
        const path = join(sources, folder, file);
        const text = readFileSync(path, "utf8");
        assert.doesNotMatch(text, /netbird/i, file);
        for (const [, from] of text.matchAll(/from "([^"]+)"/g)) {
          const imported = from!.startsWith(".") ? relative(sources, join(dirname(path), from!)) : from!;
          assert.match(imported, /^(framework|convert)\/|^node:(buffer|util)$/, `${file} imports ${from}`);
        }
      }
    }
  });
});
