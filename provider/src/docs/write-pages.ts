// Writes docs/provider from the schemas and the examples: npx tsx provider/src/docs/write-pages.ts
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pagesFolder, referencePages } from "./pages.ts";

for (const [path, page] of referencePages()) {
  const file = join(pagesFolder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, page);
}
