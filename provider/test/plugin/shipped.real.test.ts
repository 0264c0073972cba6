import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installArtefact } from "../support/artefact.ts";
import { CLUSTER, ManagementServer, TOKEN } from "../support/management-server.ts";
import { startTerraform } from "../support/terraform.ts";

const platform = `${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;

suite("the shipped provider under the real terraform", () => {
  let folder: string;
  let server: ManagementServer;

  setup(async function () {
    this.timeout(60_000);
    folder = mkdtempSync(join(tmpdir(), "netbird-shipped-"));
    server = new ManagementServer();
    await server.start();
    writeFileSync(
      join(folder, "main.tf"),
      `terraform {
        required_providers {
          netbird = {
            source  = "netbirdio/netbird"
            version = ">= 0.1.0"
          }
        }
      }
      provider "netbird" {
        management_url = "${server.url}"
      }
      resource "netbird_proxy_service" "shop" {
        name    = "shop"
        domain  = "shop.${CLUSTER}"
        public  = true
        targets = { "/" = { target_type = "peer", target_id = "${server.peerId("web")}", port = 3000 } }
      }`,
    );
  });
  teardown(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function terraform(configuration: string, ...args: string[]): Promise<string> {
    const { code, output } = await startTerraform(folder, args, {
      TF_CLI_CONFIG_FILE: configuration,
      NB_PAT: TOKEN,
      TF_LOG: "ERROR",
      TF_LOG_PATH: join(folder, "terraform.log"),
    }).finished;
    assert.equal(code, 0, output);
    return output;
  }

  function configuration(text: string): string {
    const file = join(folder, "cli.tfrc");
    writeFileSync(file, `provider_installation {\n${text}\n}\n`);
    return file;
  }

  test("takes back a key that Terraform opened and, after a failure, did not close", async () => {
    installArtefact(folder);
    const config = configuration(
      `dev_overrides {\n "registry.terraform.io/netbirdio/netbird" = "${folder}"\n}\ndirect {}`,
    );
    appendFileSync(
      join(folder, "main.tf"),
      `\nephemeral "netbird_setup_key" "x" {
        name = "x"
      }
      resource "netbird_proxy_service" "second" {
        name    = "second"
        domain  = "nowhere.example.org"
        auth    = { password = { value_wo = ephemeral.netbird_setup_key.x.key } }
        targets = { "/" = { target_type = "peer", target_id = "${server.peerId("web")}", port = 3000 } }
      }`,
    );
    const { code, output } = await startTerraform(folder, ["plan", "-input=false", "-no-color"], {
      TF_CLI_CONFIG_FILE: config,
      NB_PAT: TOKEN,
    }).finished;
    assert.equal(code, 1, output);
    assert.equal(server.seen(/^POST \/setup-keys$/).length, 1, output);
    assert.equal(server.setupKeys.size, 0);
  });

  test("is installed from a filesystem mirror, applied and destroyed", async () => {
    const mirror = join(folder, "mirror");
    installArtefact(join(mirror, "registry.terraform.io", "netbirdio", "netbird", "0.1.0", platform));
    const config = configuration(`filesystem_mirror {\n path = "${mirror}"\n}`);
    await terraform(config, "init", "-input=false");
    await terraform(config, "apply", "-auto-approve", "-input=false");
    assert.equal(server.services.size, 1);
    assert.match(
      server.requests.find(({ method }) => method === "POST")!.headers["user-agent"],
      /^terraform-provider-netbird\/0\.1\.0 terraform\/1\./,
    );
    await terraform(config, "plan", "-detailed-exitcode", "-input=false");
    await terraform(config, "destroy", "-auto-approve", "-input=false");
    assert.equal(server.services.size, 0);
    // Terraform's plugin library closes the pipe as soon as the process has gone, sometimes while it still reads from it.
    const log = readFileSync(join(folder, "terraform.log"), "utf8").replace(
      /^.*error encountered while scanning stdout.*file already closed.*$/gm,
      "",
    );
    assert.doesNotMatch(log, /plugin failed to exit gracefully|panic|ERROR/, log);
  });

  test("runs as a development override", async () => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    installArtefact(bin);
    const config = configuration(`dev_overrides {\n "netbirdio/netbird" = "${bin}"\n}\ndirect {}`);
    const output = await terraform(config, "plan", "-input=false", "-no-color");
    assert.match(output, /1 to add/);
  });

  test("an interrupted apply keeps what was created", async () => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    installArtefact(bin);
    const config = configuration(`dev_overrides {\n "netbirdio/netbird" = "${bin}"\n}\ndirect {}`);
    server.readsUntilLive = Number.POSITIVE_INFINITY;
    const command = startTerraform(folder, ["apply", "-auto-approve", "-input=false", "-no-color"], {
      TF_CLI_CONFIG_FILE: config,
      NB_PAT: TOKEN,
    });
    while (server.seen(/^GET \/reverse-proxies\/services\//).length < 2)
      await new Promise((resolve) => setTimeout(resolve, 20));
    command.interrupt();
    const { code, output } = await command.finished;
    assert.equal(code, 1, output);
    assert.match(output, /Interrupted/);
    assert.match(await terraform(config, "state", "list"), /netbird_proxy_service\.shop/);
  });
});
