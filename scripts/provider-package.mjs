// Packages the provider as a registry publishes it, or installs it for the user at hand.
//   node scripts/provider-package.mjs [--out provider/dist/release] [--sign <gpg key>]
//   node scripts/provider-package.mjs --install [--plugins <folder>]
// The file inside is a script that the machine's Node (20.19 or newer) runs, so one build serves every platform that starts
// scripts: Linux and macOS, amd64 and arm64. Windows starts no scripts and has no package.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const program = `terraform-provider-netbird_v${version}`;
const platforms = ["linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"];
/** Terraform and OpenTofu look below the name of their own registry. */
const registries = ["registry.terraform.io", "registry.opentofu.org"];

const { values: options } = parseArgs({
  options: {
    out: { type: "string", default: join(root, "provider", "dist", "release") },
    sign: { type: "string" },
    install: { type: "boolean", default: false },
    plugins: { type: "string", default: join(homedir(), ".terraform.d", "plugins") },
  },
});

function run(command, args, cwd = root) {
  const { status, error, stderr } = spawnSync(command, args, { cwd, stdio: ["ignore", "inherit", "pipe"] });
  if (error?.code === "ENOENT") throw new Error(`${command} is needed; install it first`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}

function place(folder) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, program);
  copyFileSync(join(root, "provider", "dist", program), file);
  chmodSync(file, 0o755);
}

function install(plugins) {
  const machine = process.arch === "x64" ? "amd64" : process.arch;
  for (const registry of registries) {
    const folder = join(plugins, registry, "netbirdio", "netbird", version, `${process.platform}_${machine}`);
    place(folder);
    console.log(`installed ${join(folder, program)}`);
  }
}

function pack(out) {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const staging = join(out, "staging");
  place(staging);
  const files = platforms.map((platform) => {
    const zip = `terraform-provider-netbird_${version}_${platform}.zip`;
    // -X leaves times and owners of this machine out; the mode stays, without which nobody could start the file.
    run("zip", ["-q", "-X", "-9", join(out, zip), program], staging);
    return zip;
  });
  rmSync(staging, { recursive: true });
  const manifest = `terraform-provider-netbird_${version}_manifest.json`;
  writeFileSync(
    join(out, manifest),
    `${JSON.stringify({ version: 1, metadata: { protocol_versions: ["6.0"] } }, null, 2)}\n`,
  );
  const sums = `terraform-provider-netbird_${version}_SHA256SUMS`;
  const lines = [...files, manifest].map(
    (file) =>
      `${createHash("sha256")
        .update(readFileSync(join(out, file)))
        .digest("hex")}  ${file}\n`,
  );
  writeFileSync(join(out, sums), lines.join(""));
  if (options.sign !== undefined)
    run("gpg", ["--batch", "--local-user", options.sign, "--detach-sign", join(out, sums)]);
  console.log(`packaged ${files.length} platforms into ${out}`);
}

run(process.execPath, [join(root, "scripts", "build.mjs"), "provider"]);
if (options.install) install(resolve(options.plugins));
else pack(resolve(options.out));
