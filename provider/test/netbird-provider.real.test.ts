import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  makeLog,
  netbirdProvider,
  providerAddress,
  readEnvironment,
  startForDebugging,
} from "../src/index.ts";
import { makeOneUseCertificate } from "../src/plugin/certificate.ts";
import { TOKEN } from "./support/management-server.ts";
import { startTerraform, TerraformWorkspace } from "./support/terraform.ts";

const peers = `data "netbird_peers" "all" {}`;

suite("the provider block", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  /** Plans without the environment that the workspace's own provider has. */
  async function planBare(hcl: string): Promise<string> {
    const environment = readEnvironment({ PLUGIN_UNIX_SOCKET_DIR: workspace.folder });
    const provider = await startForDebugging(
      netbirdProvider(environment),
      providerAddress,
      environment,
      makeLog("off", () => {}),
    );
    workspace.configure(hcl);
    const { output } = await startTerraform(workspace.folder, ["plan", "-input=false", "-no-color"], {
      TF_REATTACH_PROVIDERS: provider.reattach,
    }).finished;
    provider.close();
    return output.replace(/\s+/g, " ");
  }

  test("every missing or wrong value is named, with where it could come from", async () => {
    assert.match(await planBare(peers), /address of the management server is missing.*NB_MANAGEMENT_URL/);
    assert.match(await planBare(peers), /token is missing.*NB_PAT/);
    const block = (body: string) => `provider "netbird" {\n${body}\n}\n${peers}`;
    assert.match(
      await planBare(block(`management_url = "netbird.example"\ntoken = "x"`)),
      /is not an http or https URL/,
    );
    assert.match(await planBare(block(`request_timeout = "soon"`)), /is not a duration/);
    assert.match(await planBare(block(`max_retries = 99`)), /not between 0 and 20/);
    const url = `management_url = "${workspace.server.url}"`;
    assert.match(await planBare(block(`${url}\ntoken = "nbp\\nx"`)), /perhaps a line break/);
    assert.match(
      await planBare(block(`${url}\ntoken = "x"\nca_cert = "/none.pem"`)),
      /Cannot read the certificate/,
    );
    assert.match(
      await planBare(block(`${url}\ntoken = "wrong"`)),
      /The token was not accepted.*Check `token`.*NB_PAT/,
    );
    assert.match(
      await planBare(block(`management_url = "http://127.0.0.1:1"\ntoken = "x"\nmax_retries = 0`)),
      /No answer from the server.*ECONNREFUSED.*Check `management_url`/,
    );
  });

  test("a value that is not known yet is never replaced by the environment", async () => {
    const hcl = (what: string) => `
      resource "terraform_data" "server" { input = "${workspace.server.url}" }
      provider "netbird" { management_url = terraform_data.server.output }
      ${what}`;
    const { failed, output } = await workspace.plan(hcl(peers));
    assert.ok(failed);
    assert.match(output, /management_url of the provider block depend/);
    // Planning a new object needs no server.
    const planned = await workspace.plan(hcl(`resource "netbird_group" "staff" { name = "staff" }`));
    assert.ok(!planned.failed, planned.output);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("a server with a certificate of one's own is trusted by ca_cert, and only then", async () => {
    const { certificatePem, privateKeyPem } = makeOneUseCertificate(Date.now());
    const server: Server = createServer({ cert: certificatePem, key: privateKeyPem }, (request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(request.headers.authorization === `Token ${TOKEN}` ? "[]" : "{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const block = (more: string) =>
      `provider "netbird" {\nmanagement_url = "${url}"\ntoken = "${TOKEN}"\nmax_retries = 0\n${more}\n}\n${peers}`;
    assert.match(await planBare(block("")), /self-signed certificate/);
    assert.doesNotMatch(await planBare(block("insecure = true")), /Error/);
    assert.doesNotMatch(await planBare(block(`ca_cert = <<-EOT\n${certificatePem}EOT`)), /Error/);
    server.closeAllConnections();
    server.close();
  });

  test("terraform takes the schema", async () => {
    workspace.configure(peers);
    const { code, output } = await workspace.run("providers", "schema", "-json");
    assert.equal(code, 0, output);
    const schema = JSON.parse(output).provider_schemas[providerAddress];
    const { resources, dataSources } = netbirdProvider(readEnvironment({}));
    const names = (all: readonly { typeName: string }[]) => all.map(({ typeName }) => typeName).sort();
    assert.deepEqual(Object.keys(schema.data_source_schemas).sort(), names(dataSources));
    assert.deepEqual(Object.keys(schema.resource_schemas).sort(), names(resources));
    const password =
      schema.resource_schemas.netbird_proxy_service.block.attributes.auth.nested_type.attributes.password;
    assert.equal(password.nested_type.attributes.value_wo.write_only, true);
    assert.equal(password.nested_type.attributes.value.sensitive, true);
    assert.equal(schema.provider.block.attributes.token.sensitive, true);
  });

  test("objects that the official provider made can be moved here", async () => {
    const { server } = workspace;
    const shop = `resource "netbird_proxy_service" "shop" {
      name    = "shop"
      domain  = "shop.proxy.example.test"
      public  = true
      targets = { "/" = { target_type = "peer", target_id = "${server.peerId("web")}", port = 3000 } }
    }`;
    await workspace.apply(shop);
    const file = join(workspace.folder, "terraform.tfstate");
    const state = JSON.parse(readFileSync(file, "utf8"));
    const { id } = state.resources[0].instances[0].attributes;
    state.resources[0].type = "netbird_reverse_proxy_service";
    state.resources[0].instances[0].attributes = { id, name: "shop", targets: [{ path: "/" }] };
    writeFileSync(file, JSON.stringify(state));

    const moved = `moved {
      from = netbird_reverse_proxy_service.shop
      to   = netbird_proxy_service.shop
    }`;
    const { output } = await workspace.plan(`${shop}\n${moved}`);
    assert.match(output, /has moved to netbird_proxy_service\.shop/);
    assert.match(output, /0 to add, 0 to change, 0 to destroy/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
    assert.equal((await workspace.state("netbird_proxy_service.shop"))!.id, id);

    const foreign = JSON.parse(readFileSync(file, "utf8"));
    foreign.resources[0].type = "netbird_route";
    writeFileSync(file, JSON.stringify(foreign));
    const refused = await workspace.plan(
      `${shop}\n${moved.replace("netbird_reverse_proxy_service", "netbird_route")}`,
    );
    assert.match(refused.output, /Cannot move netbird_route to netbird_proxy_service/);
  });
});
