import assert from "node:assert/strict";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";

suite("a name that somebody has while the plan is made", () => {
  let real: RealServer;
  let networks: [string, string];
  setup(async () => {
    real = await openRealServer();
    networks = [
      await real.make("/networks", { name: "office" }),
      await real.make("/networks", { name: "branch" }),
    ];
  });
  teardown(() => real.close());

  const host = (label: string, name: string, network = networks[0], more = "") => `
    resource "netbird_network_resource" "${label}" {
      network_id = "${network}"
      name       = "${name}"
      address    = "10.1.2.3"
      ${more}
    }`;

  // The server was asked whether it could make the new object while the old one still had the name.
  test("is no obstacle to replacing the object that has it", async () => {
    const { workspace } = real;
    await workspace.apply(host("a", "database"));
    const { failed, output } = await workspace.plan(host("a", "database", networks[1]));
    assert.ok(!failed, output);
    assert.match(output, /1 to add, 0 to change, 1 to destroy/);
    assert.doesNotMatch(output, /Warning/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("is free again for every kind of object that is replaced and keeps it", async () => {
    const { make, workspace } = real;
    const peer = await make("/peers", { name: "web" });
    const target = `target_type = "peer", target_id = "${peer}", port = 3000`;
    const objects = (expiry: number, person: string, services: [string, string]) => `
      resource "netbird_user" "x" {
        name  = "${person}"
        email = "ada@example.com"
        role  = "auditor"
      }
      resource "netbird_proxy_service" "guarded" {
        name          = "guarded"
        domain        = "guarded.${CLUSTER}"
        targets       = { "/" = { ${target} } }
        auth          = { service_tokens = true, share_links = true }
        wait_for_live = false
      }
      resource "netbird_proxy_service_token" "x" {
        service_id     = netbird_proxy_service.guarded.id
        name           = "ci"
        expiry_seconds = ${expiry}
      }
      resource "netbird_proxy_share_link" "x" {
        service_id     = netbird_proxy_service.guarded.id
        name           = "board"
        expiry_seconds = ${expiry}
      }
      resource "netbird_proxy_service" "x" {
        name          = "shop"
        domain        = "shop.${CLUSTER}"
        public        = true
        wait_for_live = false
        ${services[0]}
      }
      resource "netbird_reverse_proxy_service" "x" {
        name   = "old"
        domain = "old.${CLUSTER}"
        auth   = {}
        ${services[1]}
      }`;
    await workspace.apply(
      objects(3600, "Ada", [
        `targets = { "/" = { ${target} } }`,
        `targets = [{ ${target}, protocol = "http" }]`,
      ]),
    );
    const { failed, output } = await workspace.plan(
      objects(7200, "Ada L.", [
        `mode = "tcp"\n listen_port = 15432\n target = { ${target} }`,
        `mode = "tcp"\n listen_port = 15433\n targets = [{ ${target}, protocol = "tcp" }]`,
      ]),
    );
    assert.ok(!failed, output);
    assert.match(output, /5 to add, 0 to change, 5 to destroy/);
    assert.doesNotMatch(output, /only succeeds if/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("goes from one object to another in one apply", async () => {
    const { workspace } = real;
    await workspace.apply(host("a", "database"));
    const after = "depends_on = [netbird_network_resource.a]";
    const { failed, output } = await workspace.plan(
      host("a", "archive") + host("b", "database", networks[0], after),
    );
    assert.ok(!failed, output);
    assert.doesNotMatch(output, /Warning/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
  });

  test("is refused when who has it keeps it, managed here or not", async () => {
    const { workspace } = real;
    await workspace.apply(host("a", "database"));
    const managed = await workspace.plan(
      host("a", "database") + host("b", "database", networks[0], "depends_on = [netbird_network_resource.a]"),
    );
    assert.match(managed.output, /A resource named database exists already/);
    assert.ok(managed.failed, managed.output);
    await real.make(`/networks/${networks[1]}/resources`, {
      name: "files",
      address: "10.1.2.4",
      enabled: true,
      groups: [],
    });
    const foreign = await workspace.plan(host("a", "files"));
    assert.ok(foreign.failed, foreign.output);
  });
});
