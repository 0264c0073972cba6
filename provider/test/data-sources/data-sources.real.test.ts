import assert from "node:assert/strict";
import { CLUSTER } from "../support/management-server.ts";
import { TerraformWorkspace } from "../support/terraform.ts";

suite("data sources", () => {
  let workspace: TerraformWorkspace;
  setup(async () => {
    workspace = await TerraformWorkspace.create();
  });
  teardown(() => workspace.close());

  test("each finds what it should", async () => {
    const web = workspace.server.peerId("web");
    await workspace.apply(`
      resource "netbird_group" "staff" {
        name  = "staff"
        peers = ["${web}"]
      }
      resource "netbird_proxy_service" "shop" {
        name    = "shop"
        domain  = "shop.${CLUSTER}"
        public  = true
        targets = { "/" = { target_type = "peer", target_id = "${web}", port = 3000 } }
      }
      data "netbird_group" "staff" { name = netbird_group.staff.name }
      data "netbird_peer" "by_name" { name = "web" }
      data "netbird_peer" "by_ip" { ip = "100.64.0.11" }
      data "netbird_peer" "by_id" { id = "${web}" }
      data "netbird_peers" "all" {}
      data "netbird_peers" "some" { name_contains = "AP" }
      data "netbird_proxy_clusters" "all" {}
      data "netbird_proxy_domains" "free" { type = "free" }
      data "netbird_proxy_service" "shop" { domain = netbird_proxy_service.shop.domain }
      output "found" {
        value = {
          group    = data.netbird_group.staff.peers
          by_name  = data.netbird_peer.by_name.id
          by_ip    = data.netbird_peer.by_ip.name
          by_id    = data.netbird_peer.by_id.name
          all      = data.netbird_peers.all.peers[*].name
          some     = data.netbird_peers.some.peers[*].name
          clusters = data.netbird_proxy_clusters.all.clusters[*].address
          domains  = data.netbird_proxy_domains.free.domains[*].domain
          service  = data.netbird_proxy_service.shop.targets[0].host
          url      = data.netbird_proxy_service.shop.url
        }
      }`);
    const { output } = await workspace.run("output", "-json");
    assert.deepEqual(JSON.parse(output).found.value, {
      group: [web],
      by_name: web,
      by_ip: "api",
      by_id: "web",
      all: ["api", "web"],
      some: ["api"],
      clusters: [CLUSTER],
      domains: [CLUSTER],
      service: "100.64.0.10",
      url: `https://shop.${CLUSTER}`,
    });
    await workspace.assertEmptyPlan();
  });

  test("nothing to look for, nothing found, several found and selectors that disagree are errors", async () => {
    workspace.server.addPeer("web", "100.64.0.99");
    const wrong: [string, RegExp][] = [
      [`data "netbird_peer" "x" {}`, /Set at least one of `id`, `name`, `ip`/],
      [`data "netbird_peer" "x" { name = "no" }`, /There is no peer with name "no"[\s\S]*api, web, web/],
      [`data "netbird_peer" "x" { name = "web" }`, /More than one peer has name "web"/],
      [
        `data "netbird_peer" "x" { \n name = "api"\n ip = "100.64.0.10" }`,
        /There is no peer with name "api" and ip/,
      ],
      [`data "netbird_group" "x" { name = "no" }`, /The account has no group at all/],
    ];
    for (const [hcl, message] of wrong) {
      const { failed, output } = await workspace.plan(
        hcl.replace('ip = "100.64.0.10" }', 'ip = "100.64.0.10"\n}'),
      );
      assert.ok(failed, output);
      assert.match(output, message);
    }
  });
});
