// Packages the provider as a registry publishes it, or installs it for the user at hand.
//   node --import tsx scripts/provider-package.ts [--platforms linux_amd64,…] [--out <folder>] [--sign <gpg key>] [--small]
//   node --import tsx scripts/provider-package.ts --install [--plugins <folder>] [--executable]
// A package holds one executable with Node inside, which comes from npm. With --small it holds the script alone, 0.5 MB instead of
// 40, for machines that have Node 20.19 or newer: one script for every platform that starts scripts, so not for Windows.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { both, installPaths, pluginFolders, programName } from "./provider-package/install.ts";
import { nodeLicence } from "./provider-package/node-binary.ts";
import { host, platforms } from "./provider-package/platforms.ts";
import { requireSigningKey, sign } from "./provider-package/sign.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
const bundle = join(root, "provider", "dist", `terraform-provider-netbird_v${version}`);
const cache = join(root, ".cache", "node-binaries");
const base = `terraform-provider-netbird_${version}`;

const { values: options } = parseArgs({
  options: {
    out: { type: "string" },
    platforms: { type: "string" },
    small: { type: "boolean", default: false },
    sign: { type: "string" },
    install: { type: "boolean", default: false },
    executable: { type: "boolean", default: false },
    plugins: { type: "string" },
  },
});

function run(command: string, args: string[], cwd = root): void {
  const { status, error, stderr } = spawnSync(command, args, { cwd, stdio: ["ignore", "inherit", "pipe"] });
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT")
    throw new Error(`${command} is needed; install it first`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

/** The program for a platform, as `file`. */
async function place(platform: string, file: string, small: boolean): Promise<void> {
  mkdirSync(dirname(file), { recursive: true });
  if (small) copyFileSync(bundle, file);
  else {
    // The library that puts the script into Node is only wanted here.
    const { makeExecutable } = await import("./provider-package/executable.ts");
    await makeExecutable(platform, bundle, file, cache);
  }
  chmodSync(file, 0o755);
}

async function install(): Promise<void> {
  const folders =
    options.plugins === undefined
      ? pluginFolders(process.platform, process.env, homedir(), existsSync)
      : both(resolve(options.plugins));
  const [first = "", ...others] = installPaths(folders, version, host);
  await place(host, first, !options.executable && process.platform !== "win32");
  console.log(`installed ${first}`);
  for (const other of others) {
    mkdirSync(dirname(other), { recursive: true });
    copyFileSync(first, other);
    console.log(`installed ${other}`);
  }
}

function wantedPlatforms(): string[] {
  const possible = Object.keys(platforms).filter((name) => !options.small || !name.startsWith("windows"));
  const wanted = options.platforms?.split(",") ?? possible;
  const impossible = wanted.filter((name) => !possible.includes(name));
  if (impossible.length > 0)
    throw new Error(
      `--platforms: ${impossible.join(", ")} cannot be packaged; choose from ${possible.join(", ")}`,
    );
  return wanted;
}

async function zip(platform: string, out: string): Promise<string> {
  const staging = mkdtempSync(join(tmpdir(), "netbird-package-"));
  try {
    const program = programName(version, platform);
    await place(platform, join(staging, program), options.small);
    copyFileSync(join(root, "LICENSE"), join(staging, "LICENSE"));
    if (!options.small) copyFileSync(nodeLicence(cache), join(staging, "LICENSE.node"));
    const file = `${base}_${platform}.zip`;
    // -X leaves times and owners of this machine out; the mode stays, without which nobody could start the file.
    run("zip", ["-q", "-X", join(out, file), ...readdirSync(staging)], staging);
    return file;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function pack(): Promise<void> {
  const wanted = wantedPlatforms();
  if (options.sign !== undefined) requireSigningKey(options.sign);
  const out = resolve(
    options.out ?? join(root, "provider", "dist", options.small ? "release-small" : "release"),
  );
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const files: string[] = [];
  for (const platform of wanted) {
    files.push(await zip(platform, out));
    console.log(`packaged ${platform}`);
  }
  const manifest = `${base}_manifest.json`;
  const content = { version: 1, metadata: { protocol_versions: ["6.0"] } };
  writeFileSync(join(out, manifest), `${JSON.stringify(content, null, 2)}\n`);
  const digest = (file: string) =>
    createHash("sha256")
      .update(readFileSync(join(out, file)))
      .digest("hex");
  const sums = join(out, `${base}_SHA256SUMS`);
  writeFileSync(sums, [...files, manifest].map((file) => `${digest(file)}  ${file}\n`).join(""));
  if (options.sign !== undefined) sign(sums, options.sign);
  console.log(`${files.length} packages in ${out}`);
}

try {
  if (!options.install) wantedPlatforms();
  run(process.execPath, [join(root, "scripts", "build.mjs"), "provider"]);
  await (options.install ? install() : pack());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
