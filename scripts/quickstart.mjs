// `npm run quickstart`: the whole product on this machine, without root and without Docker.
// This file runs before anything is installed, so it uses nothing but Node. The rest is in scripts/quickstart/.
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dependenciesInstalled, requireNode } from "./setup.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Runs npm in a process of its own, so that this one can show that time passes. */
async function install() {
  const title = "Installing dependencies, once (about a minute)";
  const startedAt = Date.now();
  const seconds = () => `${((Date.now() - startedAt) / 1000).toFixed(1)} s`;
  const interactive = process.stdout.isTTY === true && process.env.CI === undefined;
  if (!interactive) console.log(`- ${title} ...`);
  const marks = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";
  let turn = 0;
  const timer = interactive
    ? setInterval(() => {
        turn = (turn + 1) % marks.length;
        process.stdout.write(`\r\x1b[2K${marks[turn]} ${title} (${seconds()})`);
      }, 100)
    : undefined;
  const code = 'import("./scripts/setup.mjs").then((setup) => setup.installDependencies(process.cwd()))';
  const child = spawn(process.execPath, ["-e", code], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const status = await new Promise((resolve) => child.once("close", resolve));
  clearInterval(timer);
  console.log(
    `${interactive ? "\r\x1b[2K" : ""}${status === 0 ? "✔" : "✘"} Installing dependencies (${seconds()})`,
  );
  if (status === 0) return;
  console.error(`npm install failed:\n${output}`);
  process.exit(1);
}

requireNode();
if (!dependenciesInstalled(root)) await install();

const child = spawn(
  process.execPath,
  ["--import", "tsx", join(root, "scripts/quickstart/main.ts"), ...process.argv.slice(2)],
  { stdio: "inherit", cwd: root },
);
// Ctrl-C reaches the child through the terminal; we wait until it has stopped everything.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.once("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
