// One file that is Node and the provider together (Node's "single executable application").
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspectExecutable, SENTINEL } from "./inspect-executable.ts";
import { signAdHoc } from "./mach-o-signature.ts";
import { nodeBinary } from "./node-binary.ts";
import { withoutSignature } from "./pe-signature.ts";
import { host, platforms } from "./platforms.ts";

/** As much of the library as is used; it has no types of its own. */
const { inject } = createRequire(import.meta.url)("postject") as {
  inject(
    file: string,
    name: string,
    data: Buffer,
    options: { sentinelFuse: string; machoSegmentName: string },
  ): Promise<void>;
};

/**
 * What Node finds inside itself and runs: the script, compiled beforehand where `codeCache` says so.
 * V8's cache is good for one build of Node on one kind of machine only, so never for another platform than this one.
 * @param bundle the script as it is shipped without Node, with its two lines for the shell
 */
function makeBlob(bundle: string, codeCache: boolean, node: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "netbird-blob-"));
  try {
    writeFileSync(join(folder, "main.cjs"), bundle.replace(/^#!.*\n.*\n/, ""));
    const config = {
      main: "main.cjs",
      output: "blob",
      disableExperimentalSEAWarning: true,
      useCodeCache: codeCache,
    };
    writeFileSync(join(folder, "sea.json"), JSON.stringify(config));
    execFileSync(node, ["--experimental-sea-config", "sea.json"], { cwd: folder, stdio: "pipe" });
    return readFileSync(join(folder, "blob"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Writes the provider for a platform to `file`, with the mode of a program.
 * @throws Error when the result is not an executable of that platform with the provider in it
 */
export async function makeExecutable(
  platform: string,
  bundleFile: string,
  file: string,
  cache: string,
): Promise<void> {
  if (!(host in platforms))
    throw new Error(
      `Executables are made on ${Object.keys(platforms).join(", ")}; this is ${host}. --small works anywhere`,
    );
  const wanted = platforms[platform]!;
  const { format } = wanted;
  const ownNode = nodeBinary(host, cache);
  const blob = makeBlob(readFileSync(bundleFile, "utf8"), platform === host, ownNode);
  const node = readFileSync(nodeBinary(platform, cache));
  // Whoever changes a signed program has to take the signature away, or to sign again.
  writeFileSync(file, format === "pe" ? withoutSignature(node) : node);
  chmodSync(file, 0o755);
  await quietly(() =>
    inject(file, "NODE_SEA_BLOB", blob, { sentinelFuse: SENTINEL, machoSegmentName: "NODE_SEA" }),
  );
  if (format === "mach-o") writeFileSync(file, signAdHoc(readFileSync(file), "terraform-provider-netbird"));
  const problems = inspectExecutable(readFileSync(file), wanted, blob);
  if (problems.length > 0) throw new Error(`the executable for ${platform}: ${problems.join("; ")}`);
}

/** The injecting library complains about names of notes in Node's own ELF header, which nobody reads. */
async function quietly<T>(action: () => Promise<T>): Promise<T> {
  const { warn, error, log } = console;
  console.warn = console.error = console.log = () => {};
  try {
    return await action();
  } finally {
    Object.assign(console, { warn, error, log });
  }
}
