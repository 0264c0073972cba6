import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pagesFolder, referencePages } from "../../src/docs/pages.ts";
import { SNAPSHOT, schemaSnapshot } from "../../src/docs/schema-snapshot.ts";

suite("the provider's pages", () => {
  test("are what the schemas and examples say; npx tsx provider/src/docs/write-pages.ts writes them", () => {
    for (const [path, page] of referencePages())
      assert.equal(readFileSync(join(pagesFolder, path), "utf8"), page, path);
  });

  test("lie beside a snapshot of the schemas, which the same command writes", () => {
    assert.equal(readFileSync(join(pagesFolder, SNAPSHOT), "utf8"), schemaSnapshot());
  });

  test("are about what exists, and nothing else", () => {
    const files = readdirSync(pagesFolder, { recursive: true }).map(String);
    assert.deepEqual(
      files.filter((file) => file.endsWith(".md")).sort(),
      [...referencePages().keys()].sort(),
    );
  });
});
