// Runs every test of the repository and ends with "N passed, N failed".
//   node scripts/test.mjs             everything (sets up what it needs first)
//   node scripts/test.mjs --fast      files named *.test.ts: no privileges, no outside programs
//   node scripts/test.mjs --real      files named *.real.test.ts: terraform, wireguard-go, namespaces
//   node scripts/test.mjs tunnel      only that folder (may be combined with the above)
// A skipped test counts as failed: a promise nobody checked is not kept.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostgres } from "./postgres.mjs";
import { installDependencies, installSystemPackages } from "./setup.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.chdir(root);
const args = process.argv.slice(2);
const fastOnly = args.includes("--fast");
const realOnly = args.includes("--real");
const folders = args.filter((arg) => !arg.startsWith("--"));

installDependencies(root);
if (!fastOnly) installSystemPackages();

const steps = [];
function step(name, command, commandArgs) {
  const startedAt = Date.now();
  console.log(`\n== ${name}`);
  const result = spawnSync(command, commandArgs, { stdio: "inherit", cwd: root });
  const ok = result.status === 0;
  steps.push({ name, ok });
  console.log(`== ${name}: ${ok ? "ok" : "FAILED"} (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
  return ok;
}

let passed = 0;
let failed = 0;
/** Printed again at the end: a log of half an hour is often kept, or read, only from its end. */
const reasons = [];
function count(ok) {
  if (ok) passed += 1;
  else failed += 1;
}

count(step("generate", process.execPath, ["scripts/generate.mjs"]));
if (folders.length === 0 && !realOnly) {
  count(step("types", join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.json"]));
  count(step("types of the dashboard", join(root, "node_modules/.bin/tsc"), ["-p", "dashboard"]));
  count(step("lint", join(root, "node_modules/.bin/biome"), ["check", "--error-on-warnings", "."]));
}
if (!fastOnly) count(step("build", process.execPath, ["scripts/build.mjs"]));

const scratch = mkdtempSync(join(tmpdir(), "netbird-proxy-test-"));

/** One process of mocha; whatever it counts is added to the totals. */
function runTests(name, files, env = {}) {
  if (files.length === 0) return;
  console.log(`\n== ${name}`);
  const summaryFile = join(scratch, `${name.replaceAll(/\W/g, "-")}.json`);
  const result = spawnSync(join(root, "node_modules/.bin/mocha"), files, {
    stdio: "inherit",
    cwd: root,
    env: { ...process.env, ...env, TEST_SUMMARY_FILE: summaryFile },
  });
  const lines = existsSync(summaryFile) ? readFileSync(summaryFile, "utf8").trim().split("\n") : [];
  for (const line of lines) {
    const summary = JSON.parse(line);
    passed += summary.passes;
    failed += summary.failures + summary.pending;
    for (const reason of summary.reasons) reasons.push(`${name}, ${reason}`);
    if (summary.pending > 0) reasons.push(`${name}: ${summary.pending} tests were skipped`);
  }
  // A runner that died before its summary, or that failed outside any test, must not look green.
  const counted = lines.some((line) => JSON.parse(line).failures + JSON.parse(line).pending > 0);
  if (lines.length === 0 || (result.status !== 0 && !counted)) {
    failed += 1;
    reasons.push(`${name}: the runner ended with ${result.signal ?? `exit code ${result.status}`}`);
  }
}

const suites = ["proto", "geo", "tunnel", "server", "proxy", "agent", "provider", "test"];
for (const suite of folders.length > 0 ? folders : suites) {
  const folder = suite === "test" ? "test" : join(suite, "test");
  if (!existsSync(join(root, folder))) continue;
  const files = readdirSync(join(root, folder), { recursive: true })
    .map((file) => join(folder, String(file)))
    .filter((file) => file.endsWith(".test.ts"))
    .filter((file) => !(fastOnly && file.endsWith(".real.test.ts")))
    .filter((file) => !(realOnly && !file.endsWith(".real.test.ts")))
    .sort();
  runTests(
    suite,
    files.filter((file) => !file.endsWith(".postgres.test.ts")),
  );
  if (suite !== "server" || fastOnly) continue;
  // Whatever gets its database from the test support is tested on both engines; a name says what is about one only.
  const withDatabase = files.filter(
    (file) =>
      !/\.sqlite(\.real)?\.test\.ts$/.test(file) &&
      /support\/(rest-server|control-plane|database)\.ts"/.test(readFileSync(file, "utf8")),
  );
  const postgres = startPostgres();
  try {
    runTests("server on PostgreSQL", withDatabase, { TEST_POSTGRES_URL: postgres.url });
  } finally {
    postgres.stop();
  }
}
rmSync(scratch, { recursive: true, force: true });

for (const { name, ok } of steps) if (!ok) console.log(`failed step: ${name}`);
for (const reason of reasons) console.log(`failed in ${reason}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
