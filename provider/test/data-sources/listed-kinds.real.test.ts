import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { CLUSTER, type RestServer } from "../../../server/test/support/rest-server.ts";
import { examplesFolder } from "../../src/docs/pages.ts";
import { onRealServer } from "../support/examples.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

/** Resources whose data source is to show the same, by how it is looked for. */
const objects = `
  resource "netbird_group" "staff" { name = "staff" }
  resource "netbird_network" "office" {
    name        = "office"
    description = "upstairs"
  }
  resource "netbird_network_resource" "database" {
    network_id = netbird_network.office.id
    name       = "database"
    address    = "10.1.2.3"
    groups     = [netbird_group.staff.id]
  }
  resource "netbird_network_router" "office" {
    network_id  = netbird_network.office.id
    peer_groups = [netbird_group.staff.id]
    metric      = 7
  }
  resource "netbird_setup_key" "agents" {
    name        = "agents"
    auto_groups = [netbird_group.staff.id]
  }
  resource "netbird_user" "ci" {
    name            = "ci"
    role            = "auditor"
    is_service_user = true
  }
  resource "netbird_token" "ci" {
    user_id         = netbird_user.ci.id
    name            = "ci"
    expiration_days = 30
  }
  resource "netbird_policy" "web" {
    name = "web"
    rule {
      name         = "https"
      protocol     = "tcp"
      sources      = [netbird_group.staff.id]
      destinations = [netbird_group.staff.id]
      ports        = ["443"]
    }
  }
  resource "netbird_proxy_token" "fra" { name = "fra" }
  resource "netbird_account_settings" "this" { peer_login_expiration = 7200 }
  resource "netbird_custom_domain" "apps" {
    domain         = "apps.example.org"
    target_cluster = "${CLUSTER}"
  }`;

const lookedUp = `
  data "netbird_network" "x" { name = "office" }
  data "netbird_network_resource" "x" {
    network_id = netbird_network.office.id
    address    = "10.1.2.3"
  }
  data "netbird_network_router" "x" {
    network_id = netbird_network.office.id
    id         = netbird_network_router.office.id
  }
  data "netbird_setup_key" "x" { name = "agents" }
  data "netbird_user" "x" { name = "ci" }
  data "netbird_token" "x" {
    user_id = netbird_user.ci.id
    name    = "ci"
  }
  data "netbird_policy" "x" { name = "web" }
  data "netbird_proxy_token" "x" { name = "fra" }
  data "netbird_account_settings" "x" {}
  data "netbird_custom_domain" "x" { domain = "apps.example.org" }
  data "netbird_groups" "x" { name_contains = "STA" }
  data "netbird_networks" "x" {}
  data "netbird_network_resources" "x" { network_id = netbird_network.office.id }
  data "netbird_network_routers" "x" { network_id = netbird_network.office.id }
  data "netbird_setup_keys" "x" {}
  data "netbird_users" "x" { name_contains = "ci" }
  data "netbird_tokens" "x" { user_id = netbird_user.ci.id }
  data "netbird_policies" "x" { name_contains = "web" }
  data "netbird_proxy_tokens" "x" {}`;

/** Data source, its resource, and for a list the attribute that holds the objects. */
const pairs: [data: string, resource: string, list?: string][] = [
  ["network", "network.office"],
  ["network_resource", "network_resource.database"],
  ["network_router", "network_router.office"],
  ["setup_key", "setup_key.agents"],
  ["user", "user.ci"],
  ["token", "token.ci"],
  ["policy", "policy.web"],
  ["proxy_token", "proxy_token.fra"],
  ["account_settings", "account_settings.this"],
  ["custom_domain", "custom_domain.apps"],
  ["groups", "group.staff", "groups"],
  ["networks", "network.office", "networks"],
  ["network_resources", "network_resource.database", "resources"],
  ["network_routers", "network_router.office", "routers"],
  ["setup_keys", "setup_key.agents", "setup_keys"],
  ["users", "user.ci", "users"],
  ["tokens", "token.ci", "tokens"],
  ["policies", "policy.web", "policies"],
  ["proxy_tokens", "proxy_token.fra", "tokens"],
];

suite("data sources of kinds against the real server", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  setup(async () => {
    real = await openRealServer();
    ({ rest, workspace } = real);
  });
  teardown(() => real.close());

  test("each shows what its resource has, and no secret", async () => {
    await workspace.apply(objects);
    // A second apply, so that the resources are read after everything that changes them.
    await workspace.apply(objects);
    await workspace.apply(`${objects}\n${lookedUp}`);
    await workspace.assertEmptyPlan();
    for (const [data, resource, list] of pairs) {
      const managed = await workspace.state(`netbird_${resource}`);
      const found = await workspace.state(`data.netbird_${data}.x`);
      assert.ok(managed && found, data);
      const shown: Record<string, unknown>[] = list === undefined ? [found] : found[list];
      assert.equal(shown.length, 1, `${data}: ${JSON.stringify(shown)}`);
      for (const [name, value] of Object.entries(shown[0]!)) {
        if (name === "last_used") continue;
        assert.deepEqual(withoutEmpty(value), withoutEmpty(managed[name]), `${data}.${name}`);
      }
      for (const secret of ["key", "token", "password"])
        assert.ok(!(secret in shown[0]!), `${data}.${secret}`);
    }
  });

  test("looking for nothing, or for what is not there, says what there is", async () => {
    await workspace.apply(`resource "netbird_network" "office" { name = "office" }`);
    const cases: [string, RegExp][] = [
      [`data "netbird_network" "x" {}`, /Set at least one of `id`, `name`/],
      [
        `data "netbird_network" "x" { name = "attic" }`,
        /There is no network with name "attic"[\s\S]*There are: office/,
      ],
      [`data "netbird_network_router" "x" { id = "a" }`, /"network_id" is required/],
    ];
    for (const [hcl, message] of cases) {
      const { failed, output } = await workspace.plan(hcl);
      assert.ok(failed, output);
      assert.match(output, message);
    }
  });

  // Those of resources are run with an import and a change.
  for (const file of onRealServer.filter((name) => !name.startsWith("resources/")))
    test(`the example ${file} applies and plans empty`, async () => {
      await makeWhatExamplesLookFor(rest);
      await workspace.apply(readFileSync(join(examplesFolder, file), "utf8"));
      await workspace.assertEmptyPlan();
    });
});

/** Objects that examples only look up. */
async function makeWhatExamplesLookFor(rest: RestServer): Promise<void> {
  await rest.connectProxy({
    cluster: "proxy.example.test",
    appliedRevision: Number.MAX_SAFE_INTEGER,
  });
  const make = async (path: string, body: object) => {
    const { status, text, body: made } = await rest.call("POST", path, body);
    assert.equal(status, 200, text);
    return made;
  };
  const peer = await make("/peers", { name: "web" });
  const target = { target_id: peer.id, target_type: "peer", protocol: "http", port: 3000, enabled: true };
  await make("/reverse-proxies/services", {
    name: "shop",
    domain: "shop.proxy.example.test",
    enabled: true,
    targets: [target],
  });
  const pair = await issueCertificate(await createAuthority("Test Root"), ["shop.proxy.example.test"]);
  await make("/reverse-proxies/certificates", {
    name: "shop",
    certificate_chain: pair.certificate,
    private_key: pair.key,
  });
  await make("/reverse-proxies/domains", {
    domain: "apps.example.org",
    target_cluster: "proxy.example.test",
  });
  await make("/reverse-proxies/dns-credentials", {
    domain: "apps.example.org",
    provider: "rfc2136",
    rfc2136: { server: "ns1.example.org", key_name: "acme", key_secret: "c2VjcmV0IG9mIHRoZSBrZXk=" },
  });
}

/** What nobody configured is null in the resource, and empty where the API says so. */
function withoutEmpty(value: unknown): unknown {
  // The server adds the length of the prefix.
  if (typeof value === "string" && value.endsWith("/32")) return value.slice(0, -3);
  if (value === "" || value === undefined || (Array.isArray(value) && value.length === 0)) return null;
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withoutEmpty(one)]));
}
