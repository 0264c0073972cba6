import assert from "node:assert/strict";
import { CLUSTER, type RestServer } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

const SERVICE = "netbird_reverse_proxy_service.shop";
const DOMAIN = "netbird_reverse_proxy_domain.apps";

suite("the names of NetBird's own provider", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  let peer: string;
  let subnet: string;
  setup(async () => {
    real = await openRealServer();
    ({ rest, workspace } = real);
    const { make } = real;
    peer = await make("/peers", { name: "web" });
    const network = await make("/networks", { name: "office" });
    subnet = await make(`/networks/${network}/resources`, {
      name: "lan",
      address: "10.0.0.0/24",
      enabled: true,
      groups: [],
    });
  });
  teardown(() => real.close());

  const http = (settings = "auth = {}", more = "") => `
    data "netbird_reverse_proxy_domain" "free" { type = "free" }
    data "netbird_reverse_proxy_clusters" "all" {}
    resource "netbird_reverse_proxy_service" "shop" {
      name   = "shop"
      domain = "shop.\${data.netbird_reverse_proxy_domain.free.domain}"
      targets = [
        { target_id = "${peer}", target_type = "peer", port = 8080, protocol = "http" },
        { target_id = "${peer}", target_type = "peer", port = 0, protocol = "https", path = "/api",
          options = { request_timeout = "30s", path_rewrite = "preserve", custom_headers = { "X-A" = "b" } } ${more} },
      ]
      ${settings}
    }`;
  const layer4 = (mode: string, port: string, protocol: string) => `
    resource "netbird_reverse_proxy_service" "shop" {
      name        = "shop"
      domain      = "shop.${CLUSTER}"
      mode        = "${mode}"
      ${port}
      targets = [{
        target_id = "${subnet}", target_type = "subnet", host = "10.0.0.5", port = 5432, protocol = "${protocol}"
      }]
      auth = {}
    }`;
  const services = async () => (await rest.call("GET", "/reverse-proxies/services")).body;

  test("an http service is created, planned empty, imported, changed, repaired and destroyed", async () => {
    const full = http(`
      pass_host_header = true
      auth = {
        password_auth = { enabled = true, password = "correct horse" }
        bearer_auth   = { enabled = true }
        header_auths  = [{ enabled = true, header = "X-API-Key", value = "k1" }]
      }
      access_restrictions = { allowed_countries = ["US", "DE"], blocked_cidrs = ["192.168.0.0/16"] }`);
    await workspace.apply(full);
    await workspace.assertEmptyPlan();
    const { id, targets, proxy_cluster: cluster } = (await workspace.state(SERVICE))!;
    assert.equal(cluster, CLUSTER);
    assert.equal(targets[0].path, "/");
    assert.match(targets[0].host, /^100\./);

    await workspace.run("state", "rm", SERVICE);
    assert.equal((await workspace.import(SERVICE, id)).code, 0);
    // The API does not tell secrets: the first apply takes them over.
    await workspace.apply();
    await workspace.assertEmptyPlan();

    await rest.call("PATCH", `/reverse-proxies/services/${id}`, { pass_host_header: false, enabled: false });
    const drifted = await workspace.plan();
    assert.match(drifted.output, /0 to add, 1 to change, 0 to destroy/);
    await workspace.apply();
    await workspace.assertEmptyPlan();

    await workspace.apply(http());
    await workspace.assertEmptyPlan();
    const [open] = await services();
    assert.equal(open.id, id);
    assert.deepEqual(open.auth, {});
    await workspace.destroy();
    assert.deepEqual((await services()) ?? [], []);
  });

  test("layer 4 services keep the port that was given, or that the server chose", async () => {
    for (const [mode, port, protocol] of [
      ["tcp", "listen_port = 15432", "tcp"],
      ["udp", "listen_port = 0", "udp"],
      ["tcp", "", "tcp"],
      ["tls", "listen_port = 14443", "tcp"],
    ] as const) {
      await workspace.apply(layer4(mode, port, protocol));
      await workspace.assertEmptyPlan();
      const state = (await workspace.state(SERVICE))!;
      const [found] = await services();
      assert.equal(found.mode, mode);
      if (port.endsWith("0")) assert.equal(state.listen_port, 0);
      else assert.equal(state.listen_port, found.listen_port);
      assert.equal(state.port_auto_assigned, found.port_auto_assigned);
      await workspace.destroy();
    }
  });

  // The server enabled it all the same, and the plan was never empty.
  test("the target of a layer 4 service cannot be switched off", async () => {
    const { failed, output } = await workspace.plan(
      layer4("tcp", "", "tcp").replace(`protocol = "tcp"`, `protocol = "tcp", enabled = false`),
    );
    assert.ok(failed, output);
    assert.match(output.replace(/\s+/g, " "), /Set `enabled = false` of the service/);
  });

  test("a domain is created, found, imported and destroyed", async () => {
    const hcl = `
      data "netbird_reverse_proxy_clusters" "all" {}
      resource "netbird_reverse_proxy_domain" "apps" {
        domain         = "apps.example.org"
        target_cluster = data.netbird_reverse_proxy_clusters.all.clusters[0].address
      }`;
    await workspace.apply(hcl);
    await workspace.assertEmptyPlan();
    assert.equal((await workspace.state(DOMAIN))!.type, "custom");
    await workspace.apply(`${hcl}\ndata "netbird_reverse_proxy_domain" "x" { domain = "apps.example.org" }`);
    const found = await workspace.state("data.netbird_reverse_proxy_domain.x");
    assert.equal(found!.id, (await workspace.state(DOMAIN))!.id);
    await workspace.run("state", "rm", DOMAIN);
    assert.equal((await workspace.import(DOMAIN, "apps.example.org")).code, 0);
    await workspace.assertEmptyPlan();
    await workspace.destroy();
  });

  test("both move to our names without a change on the server", async () => {
    await workspace.apply(`${http(`auth = { password_auth = { enabled = true, password = "correct horse" } }`)}
      resource "netbird_reverse_proxy_domain" "apps" {
        domain         = "apps.example.org"
        target_cluster = "${CLUSTER}"
      }`);
    const [before] = await services();
    const ours = `
      resource "netbird_proxy_service" "shop" {
        name   = "shop"
        domain = "shop.${CLUSTER}"
        targets = {
          "/"    = { target_type = "peer", target_id = "${peer}", port = 8080 }
          "/api" = { target_type = "peer", target_id = "${peer}", protocol = "https", options = {
            request_timeout = "30s", path_rewrite = "preserve", custom_headers = { "X-A" = "b" } } }
        }
        auth          = { password = { value_wo = "correct horse" } }
        wait_for_live = false
      }
      resource "netbird_custom_domain" "apps" {
        domain         = "apps.example.org"
        target_cluster = "${CLUSTER}"
      }
      moved {
        from = ${SERVICE}
        to   = netbird_proxy_service.shop
      }
      moved {
        from = ${DOMAIN}
        to   = netbird_custom_domain.apps
      }`;
    const { output } = await workspace.plan(ours);
    assert.match(output, /0 to add, \d to change, 0 to destroy/);
    await workspace.apply();
    await workspace.assertEmptyPlan();
    const [after] = await services();
    assert.equal(after.id, before.id);
    assert.deepEqual(after.targets, before.targets);
    assert.deepEqual(after.auth, before.auth);
  });

  test("what the server refuses is refused while planning, at the target", async () => {
    const { failed, output } = await workspace.plan(
      http().replace(`target_id = "${peer}"`, `target_id = "nobody"`),
    );
    assert.ok(failed, output);
    assert.match(output, /nobody/);
  });
});
