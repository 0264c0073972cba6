import assert from "node:assert/strict";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

suite("what the server would refuse", () => {
  let real: RealServer;
  let workspace: TerraformWorkspace;
  setup(async () => {
    real = await openRealServer(["proxy.example.test"]);
    workspace = real.workspace;
  });
  teardown(() => real.close());

  const network = `resource "netbird_network" "n" { name = "office" }`;
  const mode = (preflight: string) => `provider "netbird" {\n  preflight = "${preflight}"\n}\n`;

  test("fails the plan at the attribute, for every kind of object", async () => {
    await workspace.apply(network);
    const peer = await real.make("/peers", { name: "web" });
    const cases: [string, RegExp][] = [
      [
        `resource "netbird_network_resource" "x" {
          network_id = netbird_network.n.id
          name       = "x"
          address    = "not an address!"
        }`,
        /address += "not an address!"/,
      ],
      [
        `resource "netbird_setup_key" "x" {
          name        = "x"
          auto_groups = ["nothing"]
        }`,
        /auto_groups += \["nothing"\]/,
      ],
      [
        `resource "netbird_custom_domain" "x" {
          domain         = "a.example.org"
          target_cluster = "elsewhere.example.test"
        }`,
        /target_cluster += "elsewhere\.example\.test"/,
      ],
      [
        `resource "netbird_dns_credentials" "x" {
          domain  = "foreign.example.org"
          webhook = { url = "https://a.example.org" }
        }`,
        /domain += "foreign\.example\.org"/,
      ],
      [
        `resource "netbird_network_router" "x" {
          network_id = netbird_network.n.id
          peer       = "nobody"
        }`,
        /peer += "nobody"/,
      ],
      [`resource "netbird_peer" "x" { id = "nobody" }`, /There is no such object|not found/],
      [
        `resource "netbird_peer" "x" {
          id = "${peer}"
          ip = "203.0.113.9"
        }`,
        /ip += "203\.0\.113\.9"/,
      ],
      // The server takes it and does nothing: an apply that succeeded was followed by the same plan, for ever.
      [
        `resource "netbird_peer" "x" {
          id                = "${peer}"
          approval_required = true
        }`,
        /approval_required += true/,
      ],
      [
        `resource "netbird_wireguard_peer" "x" {
          name       = "phone"
          public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
          groups     = ["nothing"]
        }`,
        /groups += \["nothing"\]/,
      ],
      [
        `resource "netbird_account_settings" "x" { network_range = "10.0.0.0/33" }`,
        /network_range += "10\.0\.0\.0\/33"/,
      ],
    ];
    for (const [hcl, message] of cases) {
      const { failed, output } = await workspace.plan(`${network}\n${hcl}`);
      assert.ok(failed, output);
      assert.match(output, /Error: /);
      assert.match(output, message);
    }
    await workspace.apply(network);
    await workspace.assertEmptyPlan();
  });

  test("is only said with `warn`, not asked with `off`, and refused while applying in both", async () => {
    const wrong = `resource "netbird_setup_key" "x" {\n  name = "x"\n  auto_groups = ["nothing"]\n}`;
    const warned = await workspace.plan(mode("warn") + wrong);
    assert.ok(!warned.failed, warned.output);
    assert.match(warned.output, /Warning: [\s\S]*auto_groups/);
    const silent = await workspace.plan(mode("off") + wrong);
    assert.ok(!silent.failed, silent.output);
    assert.doesNotMatch(silent.output, /Warning/);
    await workspace.applyFails();
    const { failed, output } = await workspace.plan(mode("maybe") + wrong);
    assert.ok(failed);
    assert.match(output, /"maybe" is not one of off, warn, error/);
  });

  test("a name that is taken is only warned about: the same apply may free it", async () => {
    await workspace.apply(`resource "netbird_group" "old" { name = "staff" }`);
    const { failed, output } = await workspace.plan(`
      resource "netbird_group" "old" { name = "former staff" }
      resource "netbird_group" "new" {
        name       = "staff"
        depends_on = [netbird_group.old]
      }`);
    assert.ok(!failed, output);
    assert.match(output, /Warning: Conflict[\s\S]*only succeeds if it frees this first/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("a name under a custom domain of the same apply is not refused", async () => {
    await workspace.apply(`
      resource "netbird_custom_domain" "apps" {
        domain         = "apps.example.org"
        target_cluster = "proxy.example.test"
      }
      resource "netbird_dns_credentials" "apps" {
        domain  = netbird_custom_domain.apps.domain
        webhook = { url = "https://a.example.org" }
      }`);
    await workspace.assertEmptyPlan();
  });
});
