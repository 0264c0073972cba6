import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const FILE = "terraform-provider-netbird_v0.1.0";

let built = false;

/** The provider as it is shipped, copied into a folder; built anew once per run. */
export function installArtefact(folder: string): string {
  if (!built)
    execFileSync(process.execPath, ["scripts/build.mjs", "provider"], { cwd: repository, stdio: "pipe" });
  built = true;
  mkdirSync(folder, { recursive: true });
  const target = join(folder, FILE);
  copyFileSync(join(repository, "provider", "dist", FILE), target);
  return target;
}
