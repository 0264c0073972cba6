/** Writes the snapshot that throughput.test.ts compares with: `npx tsx tunnel/test/support/write-throughput-table.ts`. */
import { writeFileSync } from "node:fs";
import { throughputTable } from "./throughput-table.ts";

const rows = throughputTable();
console.table(rows);
writeFileSync(new URL("../vectors/throughput.json", import.meta.url), `${JSON.stringify(rows, null, 2)}\n`);
