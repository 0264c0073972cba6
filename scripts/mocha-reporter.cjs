// The spec reporter, plus a summary file that scripts/test.mjs adds up over all packages.
const { appendFileSync } = require("node:fs");
const { relative } = require("node:path");
const { Spec } = require("mocha").reporters;

module.exports = class SummaryReporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      if (process.env.TEST_SUMMARY_FILE) {
        appendFileSync(
          process.env.TEST_SUMMARY_FILE,
          JSON.stringify({ passes, failures, pending, reasons: this.failures.map(reasonOf) }) + "\n",
        );
      }
    });
  }
};

/** What somebody who sees only the end of a long log needs: the file, the test, and how it failed. */
function reasonOf(test) {
  const file = test.file ? `${relative(process.cwd(), test.file)}: ` : "";
  const why = String(test.err?.stack ?? test.err?.message ?? test.err).slice(0, 2_000);
  return `${file}${test.fullTitle()}\n${why.replaceAll(/^/gm, "    ")}`;
}
