import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type ThroughputRow, throughputTable } from "../support/throughput-table.ts";

suite("tcp/throughput", () => {
  test("is what it was, from a clean path to 30 % loss; every byte arrives", function () {
    this.timeout(60_000);
    const file = new URL("../vectors/throughput.json", import.meta.url);
    const expected = JSON.parse(readFileSync(file, "utf8")) as ThroughputRow[];
    // A deliberate change of the numbers is written down with support/write-throughput-table.ts.
    assert.deepEqual(throughputTable(), expected);
  });
});
