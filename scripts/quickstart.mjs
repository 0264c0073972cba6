// `npm run quickstart`: the whole product on this machine, without root and without Docker.
// This file runs before anything is installed, so it uses nothing but Node. The rest is in scripts/quickstart/.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { dependenciesInstalled, installDependencies, requireNode } from "./setup.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
requireNode();
if (!dependenciesInstalled(root)) {
  console.log(
    `Installing dependencies (about a minute${existsSync(join(root, "node_modules")) ? "" : ", once"}) ...`,
  );
  const startedAt = Date.now();
  try {
    installDependencies(root, { quiet: true });
  } catch (error) {
    console.error(`npm install failed:\n${error.stderr?.toString() || error.message}`);
    process.exit(1);
  }
  console.log(`Dependencies installed (${((Date.now() - startedAt) / 1000).toFixed(1)} s)`);
}

const child = spawn(
  process.execPath,
  ["--import", "tsx", join(root, "scripts/quickstart/main.ts"), ...process.argv.slice(2)],
  {
    stdio: "inherit",
    cwd: root,
  },
);
// Ctrl-C reaches the child through the terminal; we wait until it has stopped everything.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.once("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
