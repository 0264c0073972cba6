import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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
import { join } from "node:path";
import { ManagementServer, TOKEN } from "../support/management-server.ts";
import { packageProvider, unzipped, verifiedNames, wrongPages, zipEntries } from "../support/packages.ts";
import { startTerraform } from "../support/terraform.ts";

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
    const { status, output } = packageProvider(args);
    assert.equal(status, 0, output);
  }

  /** Initialises and plans with what a folder of plugins has, and nothing else. */
  async function plans(configuration: string, env: Record<string, string> = {}): Promise<void> {
    const work = join(folder, "work");
    mkdirSync(work, { recursive: true });
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
        ...env,
      }).finished;
      assert.equal(code, 0, output);
      if (command[0] === "apply") assert.match(output, /names = tolist\(\[\s+"api",\s+"web"/);
    }
  }

  const sums = "terraform-provider-netbird_0.1.0_SHA256SUMS";
  const manifest = "terraform-provider-netbird_0.1.0_manifest.json";
  const zipOf = (name: string) => `terraform-provider-netbird_0.1.0_${name}.zip`;

  /** A packed mirror, as a registry hands it out. */
  function mirrorOf(out: string): string {
    const mirror = join(folder, "mirror", "registry.terraform.io", "netbirdio", "netbird");
    mkdirSync(mirror, { recursive: true });
    symlinkSync(join(out, zipOf(platform)), join(mirror, zipOf(platform)));
    return `provider_installation {\n  filesystem_mirror {\n    path = "${join(folder, "mirror")}"\n  }\n}`;
  }

  test("with the script alone are what a registry and a mirror want, and terraform runs what is inside", async function () {
    this.timeout(120_000);
    const out = join(folder, "out");
    script("--small", "--out", out);
    const zips = ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"].map(zipOf);
    assert.deepEqual(readdirSync(out).sort(), [sums, ...zips, manifest]);
    assert.deepEqual(
      verifiedNames(out, sums).sort(),
      [...zips, manifest],
      "every file but the sums themselves",
    );
    assert.deepEqual(JSON.parse(readFileSync(join(out, manifest), "utf8")), {
      version: 1,
      metadata: { protocol_versions: ["6.0"] },
    });
    for (const zip of zips)
      assert.deepEqual(zipEntries(join(out, zip)), [
        ["-rw-r--r--", "LICENSE"],
        ["-rwxr-xr-x", "terraform-provider-netbird_v0.1.0"],
      ]);
    await plans(mirrorOf(out));
  });

  test("with Node inside are signed and run where there is no Node; those for other systems have their form", async function () {
    // Injecting into three programs of 100 MB each, and the first time fetching them.
    this.timeout(400_000);
    const out = join(folder, "out");
    const keys = mkdtempSync(join(tmpdir(), "netbird-keys-"));
    const gpg = (...args: string[]) =>
      execFileSync("gpg", ["--batch", ...args], { env: { ...process.env, GNUPGHOME: keys }, stdio: "pipe" });
    const wanted = [...new Set([platform, "darwin_arm64", "windows_amd64"])];
    try {
      gpg("--passphrase", "", "--quick-generate-key", "new@example.test", "ed25519", "sign", "never");
      const refused = packageProvider(["--sign", "new@example.test", "--out", out], { GNUPGHOME: keys });
      assert.equal(refused.status, 1, refused.output);
      assert.match(refused.output, /takes RSA and DSA keys only/);

      gpg("--passphrase", "", "--quick-generate-key", "old@example.test", "rsa2048", "sign", "never");
      const { status, output } = packageProvider(
        ["--platforms", wanted.join(","), "--sign", "old@example.test", "--out", out],
        { GNUPGHOME: keys },
      );
      assert.equal(status, 0, output);
      gpg("--verify", join(out, `${sums}.sig`), join(out, sums));
      assert.notEqual(
        readFileSync(join(out, `${sums}.sig`)).toString("latin1", 0, 5),
        "-----",
        "not armoured",
      );
    } finally {
      execFileSync("gpgconf", ["--kill", "all"], { env: { ...process.env, GNUPGHOME: keys } });
      rmSync(keys, { recursive: true, force: true });
    }
    assert.deepEqual(verifiedNames(out, sums), [...wanted.map(zipOf), manifest]);

    const mac = unzipped(join(out, zipOf("darwin_arm64")), "terraform-provider-netbird_v0.1.0");
    assert.deepEqual(zipEntries(join(out, zipOf("darwin_arm64"))), [
      ["-rw-r--r--", "LICENSE"],
      ["-rw-r--r--", "LICENSE.node"],
      ["-rwxr-xr-x", "terraform-provider-netbird_v0.1.0"],
    ]);
    assert.deepEqual([mac.readUInt32LE(0), mac.readUInt32LE(4)], [0xfeedfacf, 0x0100000c]);
    const { pages, wrong, signedBytes } = wrongPages(mac);
    assert.equal(wrong, 0, `of ${pages} pages`);
    assert.ok(signedBytes > 100_000_000, "the signature is over the whole program");

    const windows = unzipped(join(out, zipOf("windows_amd64")), "terraform-provider-netbird_v0.1.0.exe");
    assert.deepEqual(zipEntries(join(out, zipOf("windows_amd64"))), [
      ["-rw-r--r--", "LICENSE"],
      ["-rw-r--r--", "LICENSE.node"],
      ["-rwxr-xr-x", "terraform-provider-netbird_v0.1.0.exe"],
    ]);
    const header = windows.readUInt32LE(0x3c);
    assert.deepEqual([windows.toString("latin1", 0, 2), windows.readUInt16LE(header + 4)], ["MZ", 0x8664]);
    // Where a signature would be; Node's own, over other bytes, has to be gone.
    assert.equal(windows.readUInt32LE(header + 24 + 112 + 8 * 4), 0);
    for (const program of [mac, windows]) {
      assert.ok(program.includes("NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1"));
      assert.ok(program.includes("netbird_proxy_service_target"), "the provider is in it");
    }

    const bin = join(folder, "bin");
    mkdirSync(bin);
    const terraform = execFileSync("sh", ["-c", "command -v terraform"], { encoding: "utf8" }).trim();
    symlinkSync(terraform, join(bin, "terraform"));
    assert.throws(() => execFileSync("node", ["--version"], { env: { PATH: bin } }), /ENOENT/);
    await plans(mirrorOf(out), { PATH: bin });
  });

  test("of a platform that nobody knows are refused with those that there are", () => {
    for (const [args, problem] of [
      [
        ["--platforms", "linux_amd64,beos_ppc"],
        /--platforms: beos_ppc cannot be packaged; choose from linux_amd64, /,
      ],
      [
        ["--small", "--platforms", "windows_amd64"],
        /windows_amd64 cannot be packaged; choose from linux_amd64, linux_arm64, darwin_/,
      ],
    ] as const) {
      const { status, output } = packageProvider([...args, "--out", join(folder, "none")]);
      assert.equal(status, 1);
      assert.match(output, problem);
    }
  });

  test("are installed into any folder, for Terraform and OpenTofu", async function () {
    this.timeout(120_000);
    const plugins = join(folder, "plugins");
    script("--install", "--plugins", plugins);
    for (const registry of ["registry.terraform.io", "registry.opentofu.org"])
      assert.deepEqual(readdirSync(join(plugins, registry, "netbirdio", "netbird", "0.1.0", platform)), [
        "terraform-provider-netbird_v0.1.0",
      ]);
    await plans(`provider_installation {\n  filesystem_mirror {\n    path = "${plugins}"\n  }\n}`);
  });

  for (const [where, env] of [
    [".terraform.d", { XDG_DATA_HOME: "" }],
    [".data", { XDG_DATA_HOME: ".data" }],
  ] as const)
    test(`are installed where terraform looks by itself: ${where}`, async function () {
      this.timeout(120_000);
      // The home folder of the commands is the one they work in.
      const home = join(folder, "work");
      const data = env.XDG_DATA_HOME === "" ? "" : join(home, env.XDG_DATA_HOME);
      const { status, output } = packageProvider(["--install"], { HOME: home, XDG_DATA_HOME: data });
      assert.equal(status, 0, output);
      assert.deepEqual(readdirSync(home), [where]);
      await plans("", { XDG_DATA_HOME: data });
    });
});
