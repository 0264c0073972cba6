import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");

/** The packaging command, as npm runs it. */
export function packageProvider(
  args: readonly string[],
  env: Record<string, string> = {},
): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", "scripts/provider-package.ts", ...args],
    { cwd: repository, encoding: "utf8", env: { ...process.env, ...env } },
  );
  return { status, output: stdout + stderr };
}

/** Names in a SHA256SUMS file whose digest is that of the file. */
export function verifiedNames(folder: string, sums: string): string[] {
  return readFileSync(join(folder, sums), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split("  "))
    .filter(([sum, file]) => {
      const bytes = readFileSync(join(folder, file!));
      return createHash("sha256").update(bytes).digest("hex") === sum;
    })
    .map(([, file]) => file!);
}

/** Mode and name of everything in a zip, as `unzip -Z` says it. */
export function zipEntries(zip: string): [mode: string, name: string][] {
  return execFileSync("unzip", ["-Z", "-l", zip], { encoding: "utf8" })
    .split("\n")
    .filter((line) => /^[-d?]/.test(line))
    .map((line): [string, string] => [line.split(/\s+/)[0]!, line.split(/\s+/).at(-1)!])
    .sort(([, a], [, b]) => (a < b ? -1 : 1));
}

/** One file of a zip. */
export function unzipped(zip: string, name: string): Buffer {
  return execFileSync("unzip", ["-p", zip, name], { maxBuffer: 512 * 1024 * 1024 });
}

/**
 * Pages of a signed Mach-O program whose digest in the code directory is not that of their bytes, and how many there are.
 * Source: Apple's <kern/cs_blobs.h>, which the signing code was written from too, but not from here.
 */
export function wrongPages(program: Buffer): { pages: number; wrong: number; signedBytes: number } {
  let at = 32;
  while (program.readUInt32LE(at) !== 0x1d) at += program.readUInt32LE(at + 4);
  const superBlob = program.subarray(program.readUInt32LE(at + 8));
  const directory = superBlob.subarray(superBlob.readUInt32BE(16));
  const [hashesAt, pages, signedBytes] = [16, 28, 32].map((offset) => directory.readUInt32BE(offset)) as [
    number,
    number,
    number,
  ];
  let wrong = 0;
  for (let page = 0; page < pages; page += 1) {
    const bytes = program.subarray(page * 4096, Math.min((page + 1) * 4096, signedBytes));
    const expected = directory.subarray(hashesAt + 32 * page, hashesAt + 32 * (page + 1));
    if (!createHash("sha256").update(bytes).digest().equals(expected)) wrong += 1;
  }
  return { pages, wrong, signedBytes };
}
