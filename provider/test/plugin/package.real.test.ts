import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ManagementServer, TOKEN } from "../support/management-server.ts";
import { startTerraform } from "../support/terraform.ts";

const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const platform = `${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;

suite("the packages", () => {
  let folder: string;
  let server: ManagementServer;
  setup(async () => {
    folder = mkdtempSync(join(tmpdir(), "netbird-package-"));
    server = new ManagementServer();
    await server.start();
  });
  teardown(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function script(...args: string[]): void {
    execFileSync(process.execPath, ["scripts/provider-package.mjs", ...args], {
      cwd: repository,
      stdio: "pipe",
    });
  }

  /** Initialises and plans with what a folder of plugins has, and nothing else. */
  async function plans(configuration: string): Promise<void> {
    const work = join(folder, "work");
    mkdirSync(work);
    writeFileSync(
      join(work, "main.tf"),
      `terraform {
        required_providers {
          netbird = { source = "netbirdio/netbird" }
        }
      }
      provider "netbird" {
        management_url = "${server.url}"
      }
      data "netbird_peers" "all" {}
      output "names" {
        value = data.netbird_peers.all.peers[*].name
      }`,
    );
    const file = join(folder, "cli.tfrc");
    writeFileSync(file, configuration);
    for (const command of [["init"], ["apply", "-auto-approve"]]) {
      const { code, output } = await startTerraform(work, [...command, "-input=false", "-no-color"], {
        TF_CLI_CONFIG_FILE: file,
        NB_PAT: TOKEN,
      }).finished;
      assert.equal(code, 0, output);
      if (command[0] === "apply") assert.match(output, /names = tolist\(\[\s+"api",\s+"web"/);
    }
  }

  test("are what a registry and a mirror want, and terraform runs what is inside", async function () {
    this.timeout(120_000);
    const out = join(folder, "out");
    script("--out", out);
    const files = readdirSync(out).sort();
    assert.deepEqual(files, [
      "terraform-provider-netbird_0.1.0_SHA256SUMS",
      "terraform-provider-netbird_0.1.0_darwin_amd64.zip",
      "terraform-provider-netbird_0.1.0_darwin_arm64.zip",
      "terraform-provider-netbird_0.1.0_linux_amd64.zip",
      "terraform-provider-netbird_0.1.0_linux_arm64.zip",
      "terraform-provider-netbird_0.1.0_manifest.json",
    ]);
    const sums = readFileSync(join(out, files[0]!), "utf8").trim().split("\n");
    assert.deepEqual(
      sums.map((line) => line.split("  ")[1]).sort(),
      files.slice(1),
      "every file but the sums themselves",
    );
    for (const line of sums) {
      const [sum, file] = line.split("  ");
      assert.equal(
        createHash("sha256")
          .update(readFileSync(join(out, file!)))
          .digest("hex"),
        sum,
      );
    }
    const manifest = JSON.parse(readFileSync(join(out, files.at(-1)!), "utf8"));
    assert.deepEqual(manifest, { version: 1, metadata: { protocol_versions: ["6.0"] } });

    // Packed, as a registry hands it out.
    const mirror = join(folder, "mirror", "registry.terraform.io", "netbirdio", "netbird");
    mkdirSync(mirror, { recursive: true });
    const zip = `terraform-provider-netbird_0.1.0_${platform}.zip`;
    symlinkSync(join(out, zip), join(mirror, zip));
    await plans(`provider_installation {
      filesystem_mirror {
        path = "${join(folder, "mirror")}"
      }
    }`);
  });

  test("are installed where Terraform and OpenTofu look for them", async function () {
    this.timeout(120_000);
    // HOME of the commands is the working folder.
    const plugins = join(folder, "work-plugins");
    script("--install", "--plugins", plugins);
    for (const registry of ["registry.terraform.io", "registry.opentofu.org"])
      assert.deepEqual(readdirSync(join(plugins, registry, "netbirdio", "netbird", "0.1.0", platform)), [
        "terraform-provider-netbird_v0.1.0",
      ]);
    await plans(`provider_installation {\n  filesystem_mirror {\n    path = "${plugins}"\n  }\n}`);
  });
});
