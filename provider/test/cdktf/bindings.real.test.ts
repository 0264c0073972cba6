import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { installArtefact } from "../support/artefact.ts";
import { CLUSTER, ManagementServer, TOKEN } from "../support/management-server.ts";
import { startTerraform } from "../support/terraform.ts";

const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const generators = join(repository, "provider", "cdktf", "node_modules");
const platform = `${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;

suite("the bindings for the CDK", function () {
  // The first run installs the generators.
  this.timeout(240_000);
  let folder: string;
  let server: ManagementServer;

  suiteSetup(async () => {
    folder = mkdtempSync(join(tmpdir(), "netbird-bindings-"));
    server = new ManagementServer();
    await server.start();
    execFileSync(process.execPath, ["--import", "tsx", "provider/cdktf/build.ts", "--out", folder], {
      cwd: repository,
      stdio: "pipe",
    });
    const mirror = join(folder, "mirror");
    installArtefact(join(mirror, "registry.terraform.io", "netbirdio", "netbird", "0.1.0", platform));
    writeFileSync(
      join(folder, "cli.tfrc"),
      `provider_installation {\n  filesystem_mirror {\n    path = "${mirror}"\n  }\n}\n`,
    );
  });
  suiteTeardown(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** An npm project that has installed the packed bindings. */
  function project(flavour: "cdktf" | "cdktn", main: string): string {
    const work = mkdtempSync(join(folder, "project-"));
    const installed = join(work, "node_modules", "@netbird-proxy", `${flavour}-provider-netbird`);
    mkdirSync(installed, { recursive: true });
    const packed = join(folder, `netbird-proxy-${flavour}-provider-netbird-0.1.0.tgz`);
    execFileSync("tar", ["-xzf", packed, "--strip-components=1", "-C", installed]);
    for (const name of [flavour, "constructs", "@types"])
      symlinkSync(join(generators, name), join(work, "node_modules", name));
    writeFileSync(join(work, "main.ts"), main);
    writeFileSync(
      join(work, "cdktf.json"),
      JSON.stringify({
        language: "typescript",
        app: "node main.js",
        targetVersions: { terraform: ">=1.11.0" },
      }),
    );
    return work;
  }

  function compile(work: string): { status: number | null; output: string } {
    const options = [
      "--module",
      "CommonJS",
      "--moduleResolution",
      "Node10",
      "--target",
      "ES2022",
      "--strict",
    ];
    const { status, stdout } = spawnSync(
      process.execPath,
      // Links lead into another tree, which has types of its own.
      [
        join(generators, "typescript", "bin", "tsc"),
        ...options,
        "--skipLibCheck",
        "--preserveSymlinks",
        "main.ts",
      ],
      { cwd: work, encoding: "utf8" },
    );
    return { status, output: stdout };
  }

  /** Runs the program itself, as the CLI would, and gives the folder that Terraform is to work in. */
  function synthesize(work: string): string {
    const compiled = compile(work);
    assert.equal(compiled.status, 0, compiled.output);
    execFileSync(process.execPath, ["--preserve-symlinks", "--preserve-symlinks-main", "main.js"], {
      cwd: work,
      stdio: "pipe",
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        CHECKPOINT_DISABLE: "1",
        CDKTF_CONTEXT_JSON: JSON.stringify({ targetVersions: { terraform: ">=1.11.0" } }),
      },
    });
    return join(work, "cdktf.out", "stacks", "published");
  }

  async function terraform(work: string, ...args: string[]): Promise<string> {
    const { code, output } = await startTerraform(work, [...args, "-input=false", "-no-color"], {
      TF_CLI_CONFIG_FILE: join(folder, "cli.tfrc"),
      NB_MANAGEMENT_URL: server.url,
      NB_PAT: TOKEN,
    }).finished;
    assert.equal(code, 0, output);
    return output;
  }

  for (const flavour of ["cdktf", "cdktn"] as const) {
    test(`${flavour}: every resource and data source has its class`, () => {
      const lib = join(folder, flavour, "lib");
      const provider = netbirdProvider(readEnvironment({}));
      assert.ok(provider.resources.length > 15 && provider.dataSources.length > 25);
      const kinds = [
        ...provider.resources.map(({ typeName }) => ["", typeName] as const),
        ...provider.dataSources.map(({ typeName }) => ["data-netbird-", typeName] as const),
        // The archived generator knows none.
        ...(flavour === "cdktn" ? provider.ephemeralResources! : []).map(
          ({ typeName }) => ["ephemeral-netbird-", typeName] as const,
        ),
      ];
      for (const [prefix, typeName] of kinds) {
        const name = typeName.replace("netbird_", "").replaceAll("_", "-");
        const types = readFileSync(join(lib, `${prefix}${name}`, "index.d.ts"), "utf8");
        assert.match(
          types,
          new RegExp(`static readonly tfResourceType = "${typeName}"`),
          types.slice(0, 500),
        );
      }
    });
  }

  const stack = (flavour: string, extra: string, imports = "") => `
    import { App, TerraformStack } from "${flavour}";
    import { DataNetbirdPeer } from "@netbird-proxy/${flavour}-provider-netbird/lib/data-netbird-peer";
    import { NetbirdProvider } from "@netbird-proxy/${flavour}-provider-netbird/lib/provider";
    import { ProxyService } from "@netbird-proxy/${flavour}-provider-netbird/lib/proxy-service";
    ${imports}
    const app = new App();
    const stack = new TerraformStack(app, "published");
    new NetbirdProvider(stack, "netbird");
    const peer = new DataNetbirdPeer(stack, "peer", { name: "web" });
    ${extra}
    app.synth();`;
  const service = (more: string) => `new ProxyService(stack, "shop", {
      name: "shop",
      domain: "shop.${CLUSTER}",
      targets: { "/": { targetType: "peer", targetId: peer.id, port: 3000 } },
      ${more}
    });`;

  test("cdktf: a stack made with the package is applied by the real terraform, and then plans nothing", async () => {
    const work = synthesize(project("cdktf", stack("cdktf", service("public: true"))));
    await terraform(work, "init");
    await terraform(work, "apply", "-auto-approve");
    assert.deepEqual(
      [...server.services.values()].map(({ domain }) => domain),
      [`shop.${CLUSTER}`],
    );
    assert.match(await terraform(work, "plan"), /No changes/);
    await terraform(work, "destroy", "-auto-approve");
    assert.equal(server.services.size, 0);
  });

  test("cdktn: write-only secrets, ephemeral resources and functions reach the real terraform", async () => {
    const work = synthesize(
      project(
        "cdktn",
        stack(
          "cdktn",
          `const key = new EphemeralNetbirdSetupKey(stack, "key", { name: "once" });
          new TerraformOutput(stack, "seconds", { value: new NetbirdProviderFunctions("netbird").durationSeconds("1m30s") });
          ${service(`auth: { password: { valueWo: key.key, version: 1 } },`)}`,
          `import { TerraformOutput } from "cdktn";
          import { EphemeralNetbirdSetupKey } from "@netbird-proxy/cdktn-provider-netbird/lib/ephemeral-netbird-setup-key";
          import { NetbirdProviderFunctions } from "@netbird-proxy/cdktn-provider-netbird/lib/provider-functions";`,
        ),
      ),
    );
    await terraform(work, "init");
    assert.match(await terraform(work, "apply", "-auto-approve"), /seconds = 90/);
    assert.equal(server.services.size, 1);
    assert.equal(server.setupKeys.size, 0, "the key is gone when terraform is done");
    assert.match(await terraform(work, "plan"), /No changes/);
    await terraform(work, "destroy", "-auto-approve");
  });

  test("a misspelled attribute is an error of the compiler", () => {
    const { status, output } = compile(project("cdktf", stack("cdktf", service("publik: true"))));
    assert.notEqual(status, 0);
    assert.match(
      output,
      /'publik' does not exist in type 'ProxyServiceConfig'|Did you mean to write 'public'/,
    );
  });
});
