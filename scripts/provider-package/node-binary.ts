import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { nodeVersion, platforms } from "./platforms.ts";

/**
 * Node for a platform, from npm the first time and from `cache` afterwards.
 * @returns the path of the program
 * @throws Error when npm has another archive than the one that was looked at when the version was chosen
 */
export function nodeBinary(platform: string, cache: string): string {
  const { npm, file, sha512 } = platforms[platform]!;
  const folder = join(cache, `${npm}-${nodeVersion}`);
  const program = join(folder, ...file.split("/"));
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, "fetch-"));
  try {
    execFileSync("npm", ["pack", "--silent", "--pack-destination", fresh, `${npm}@${nodeVersion}`], {
      stdio: ["ignore", "ignore", "inherit"],
      // On Windows npm is a script for the shell.
      shell: process.platform === "win32",
    });
    const archive = join(fresh, readdirSync(fresh)[0]!);
    const found = createHash("sha512").update(readFileSync(archive)).digest("base64");
    if (found !== sha512)
      throw new Error(`${npm}@${nodeVersion} is not what it was: sha512 ${found} instead of ${sha512}`);
    execFileSync("tar", ["-xzf", archive, "-C", fresh, `package/${file}`]);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(fresh, "package"), folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return program;
}
