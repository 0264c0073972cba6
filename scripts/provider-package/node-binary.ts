import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { nodeVersion, platforms } from "./platforms.ts";

/** The one whose package has the licence's text; those for Windows lack it. */
const LICENCED = "linux_amd64";

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
    const wanted = platform === LICENCED ? [file, "LICENSE"] : [file];
    execFileSync("tar", ["-xzf", archive, "-C", fresh, ...wanted.map((name) => `package/${name}`)]);
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(fresh, "package"), folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return program;
}

/** Path of the licence that whoever hands out Node has to hand out with it. */
export function nodeLicence(cache: string): string {
  return join(dirname(nodeBinary(LICENCED, cache)), "..", "LICENSE");
}
