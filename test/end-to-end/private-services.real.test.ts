import assert from "node:assert/strict";
import { type ExecFileException, execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Backend, startBackend } from "../../proxy/test/support/backend.ts";
import { waitFor } from "../../scripts/stack/child.ts";
import { httpsGet } from "../../scripts/stack/https-get.ts";
import { keyFromBase64, keyToBase64 } from "../../tunnel/src/noise/keys.ts";
import { WireguardNamespace } from "../../tunnel/test/support/wireguard-namespace.ts";
import { Stack } from "../support/stack.ts";
import { TerraformWorkspace } from "../support/terraform-workspace.ts";

/** Of `curl`: the status, 0 when there was no answer. */
interface Answer {
  status: number;
  body: string;
}

suite("a private service, from Terraform to a laptop with WireGuard", function () {
  this.timeout(300_000);
  const stack = new Stack();
  const laptop = new WireguardNamespace();
  let backend: Backend;
  let workspace: TerraformWorkspace;
  let host = "";
  let address = "";

  suiteSetup(async () => {
    await stack.start();
    host = `wiki.${stack.domain}`;
    backend = await startBackend();
    workspace = new TerraformWorkspace(stack.folder, {
      NB_MANAGEMENT_URL: stack.managementUrl,
      NB_PAT: stack.api.token!,
    });
    writeFileSync(join(stack.folder, "ca.pem"), stack.ca.certificate);
    workspace.write(configuration());
    await workspace.ok("init");
  });
  suiteTeardown(async () => {
    await laptop.down();
    await stack.stop();
    backend?.close();
  });

  function configuration({ group = "staff" } = {}): string {
    return `
data "netbird_peer" "web" {
  name = "${stack.peerName}"
}
resource "netbird_group" "staff" { name = "staff" }
resource "netbird_group" "guests" { name = "guests" }

resource "netbird_wireguard_peer" "laptop" {
  name       = "laptop"
  public_key = "${keyToBase64(laptop.publicKey)}"
  groups     = [netbird_group.staff.id]
}

resource "netbird_proxy_service" "wiki" {
  name          = "wiki"
  domain        = "${host}"
  private       = true
  access_groups = [netbird_group.${group}.id]
  targets       = { "/" = { target_type = "peer", target_id = data.netbird_peer.web.id, port = ${backend.port} } }
}

data "netbird_wireguard_config" "laptop" {
  peer_id    = netbird_wireguard_peer.laptop.id
  depends_on = [netbird_proxy_service.wiki]
}

output "url" { value = netbird_proxy_service.wiki.url }
output "status" { value = netbird_proxy_service.wiki.status }
output "addresses" { value = netbird_proxy_service.wiki.private_addresses }
output "config" {
  value     = data.netbird_wireguard_config.laptop.config
  sensitive = true
}`;
  }

  /** As a program on the laptop sees the service. */
  function visit(url = `https://${host}/`, at = address): Promise<Answer> {
    const args = ["netns", "exec", laptop.name, "curl", "--silent", "--max-time", "5"];
    const resolve = [`${host}:443:${at}`, `${host}:80:${at}`].flatMap((entry) => ["--resolve", entry]);
    const rest = ["--cacert", join(stack.folder, "ca.pem"), "--write-out", "\n%{http_code}", url];
    return new Promise((done) => {
      execFile("ip", [...args, ...resolve, ...rest], (_error: ExecFileException | null, output) => {
        const at = output.lastIndexOf("\n");
        done({ status: Number(output.slice(at + 1)), body: output.slice(0, at) });
      });
    });
  }

  /** Sets the laptop up with what Terraform gave. The proxy's own address is on another network here. */
  async function connectLaptop(config: string): Promise<void> {
    const value = (name: string) => new RegExp(`^${name} = (.*)$`, "m").exec(config)?.[1] ?? "";
    const [ip] = value("Address").split(", ");
    await laptop.up([ip!]);
    const endpoint = value("Endpoint").replace("127.0.0.1", laptop.hostAddress);
    laptop.setPeer(keyFromBase64(value("PublicKey"))!, value("AllowedIPs").replaceAll(" ", ""), {
      endpoint,
      keepalive: Number(value("PersistentKeepalive")),
    });
    laptop.inside("ip", "route", "add", `${address}/32`, "dev", laptop.device);
  }

  test("one apply gives the service, its addresses and the laptop's configuration", async () => {
    await workspace.apply();
    const { url, status, addresses, config } = (await workspace.outputs()) as {
      url: string;
      status: string;
      addresses: string[];
      config: string;
    };
    assert.equal(url, `https://${host}`);
    assert.equal(status, "active");
    await workspace.assertEmptyPlan();
    address = addresses.find((one) => one.includes("."))!;
    await connectLaptop(config);
    const answer = await visit();
    assert.equal(answer.status, 200, answer.body);
    const { headers } = JSON.parse(answer.body);
    assert.equal(headers["x-netbird-user"], "laptop");
    assert.match(headers["x-netbird-groups"], /\bstaff\b/);
    assert.equal((await visit(`http://${host}/`)).status, 200);
  });

  test("the public listener answers 403, to the laptop too", async () => {
    const { status } = await httpsGet(stack.url(host), { ca: stack.ca.certificate });
    assert.equal(status, 403);
    const outside = await visit(`https://${host}:${stack.httpsPort}/`, laptop.hostAddress);
    assert.notEqual(outside.status, 200);
  });

  test("another group in the configuration shuts the laptop out, and back in", async () => {
    workspace.write(configuration({ group: "guests" }));
    const changes = await workspace.plannedChanges();
    assert.deepEqual(
      changes.map(({ address, actions }) => [address, actions]),
      [["netbird_proxy_service.wiki", ["update"]]],
    );
    await workspace.apply();
    assert.equal((await visit()).status, 403);
    workspace.write(configuration());
    await workspace.apply();
    assert.equal((await visit()).status, 200);
    await workspace.assertEmptyPlan();
  });

  test("outlives the management server and a restart of the proxy", async () => {
    await stack.server.kill();
    assert.equal((await visit()).status, 200);
    await stack.proxy.stop();
    stack.startProxy();
    const endMs = Date.now() + 60_000;
    let { status } = await visit();
    while (status !== 200 && Date.now() < endMs) ({ status } = await visit());
    assert.equal(status, 200);
    stack.startServer();
  });

  test("destroying it leaves nobody in", async () => {
    await waitFor("the proxy to be back", async () => {
      stack.server.assertRunning();
      const clusters = await stack.api.call<{ online: boolean }[]>("GET", "/reverse-proxies/clusters");
      return clusters.find(({ online }) => online);
    });
    await workspace.ok("destroy", "-auto-approve");
    assert.equal((await visit()).status, 0);
  });
});
