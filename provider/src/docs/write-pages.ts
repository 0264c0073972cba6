// Writes docs/provider, with a snapshot of the schemas, from the schemas and the examples: npx tsx provider/src/docs/write-pages.ts
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pagesFolder, referencePages } from "./pages.ts";
import { SNAPSHOT, schemaSnapshot } from "./schema-snapshot.ts";

for (const [path, page] of [...referencePages(), [SNAPSHOT, schemaSnapshot()] as const]) {
  const file = join(pagesFolder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, page);
}
