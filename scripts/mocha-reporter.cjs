// The spec reporter, plus a summary file that scripts/test.mjs adds up over all packages.
const { appendFileSync } = require("node:fs");
const { Spec } = require("mocha").reporters;

module.exports = class SummaryReporter extends Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once("end", () => {
      const { passes, failures, pending } = this.stats;
      if (process.env.TEST_SUMMARY_FILE) {
        appendFileSync(process.env.TEST_SUMMARY_FILE, JSON.stringify({ passes, failures, pending }) + "\n");
      }
    });
  }
};
