import assert from "node:assert/strict";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import { proxyService } from "../../src/resources/proxy-service.ts";
import { changedPaths, plannedChanges } from "../support/planned-changes.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";

suite("services that move from the names of NetBird's own provider to ours", () => {
  let real: RealServer;
  setup(async () => {
    real = await openRealServer();
  });
  teardown(() => real.close());

  test("everything that they can say moves with it", async () => {
    const { make, rest, workspace } = real;
    const group = await make("/groups", { name: "staff" });
    const peer = await make("/peers", { name: "web" });
    const network = await make("/networks", { name: "office" });
    const lan = { name: "lan", address: "10.0.0.0/24", enabled: true, groups: [] };
    const subnet = await make(`/networks/${network}/resources`, lan);
    const theirs = `
      resource "netbird_reverse_proxy_service" "full" {
        name              = "full"
        domain            = "full.${CLUSTER}"
        pass_host_header  = true
        rewrite_redirects = true
        targets = [
          { target_id = "${peer}", target_type = "peer", port = 0, protocol = "https",
            options = { skip_tls_verify = true, session_idle_timeout = "5m" } },
          { target_id = "${subnet}", target_type = "subnet", host = "10.0.0.5", port = 80, protocol = "http",
            path = "/files", enabled = false },
        ]
        auth = {
          pin_auth     = { enabled = true, pin = "123456" }
          bearer_auth  = { enabled = true, distribution_groups = ["${group}"] }
          header_auths = [{ enabled = true, header = "X-Key", value = "one" }]
        }
        access_restrictions = { allowed_cidrs = ["192.0.2.0/24"], blocked_countries = ["US"] }
      }
      resource "netbird_reverse_proxy_service" "db" {
        name        = "db"
        domain      = "db.${CLUSTER}"
        mode        = "tcp"
        listen_port = 15432
        targets = [{ target_id = "${peer}", target_type = "peer", port = 5432, protocol = "tcp",
                     options = { proxy_protocol = true } }]
        auth = {}
      }
      resource "netbird_reverse_proxy_service" "names" {
        name    = "names"
        domain  = "names.${CLUSTER}"
        mode    = "udp"
        targets = [{ target_id = "${peer}", target_type = "peer", port = 53, protocol = "udp" }]
        auth    = {}
      }`;
    const ours = `
      resource "netbird_proxy_service" "full" {
        name              = "full"
        domain            = "full.${CLUSTER}"
        pass_host_header  = true
        rewrite_redirects = true
        targets = {
          "/" = { target_type = "peer", target_id = "${peer}", protocol = "https", options = {
            skip_tls_verify = true, session_idle_timeout = "5m" } }
          "/files" = { target_type = "subnet", target_id = "${subnet}", host = "10.0.0.5", port = 80, enabled = false }
        }
        auth = {
          pin     = { value_wo = "123456" }
          sso     = { groups = ["${group}"] }
          headers = { X-Key = { value_wo = "one" } }
        }
        access_restrictions = { allowed_cidrs = ["192.0.2.0/24"], blocked_countries = ["US"] }
        wait_for_live       = false
      }
      resource "netbird_proxy_service" "db" {
        name          = "db"
        domain        = "db.${CLUSTER}"
        mode          = "tcp"
        listen_port   = 15432
        target        = { target_type = "peer", target_id = "${peer}", port = 5432, options = { proxy_protocol = true } }
        wait_for_live = false
      }
      resource "netbird_proxy_service" "names" {
        name          = "names"
        domain        = "names.${CLUSTER}"
        mode          = "udp"
        target        = { target_type = "peer", target_id = "${peer}", port = 53 }
        wait_for_live = false
      }
      ${["full", "db", "names"]
        .map(
          (name) =>
            `moved {\n from = netbird_reverse_proxy_service.${name}\n to = netbird_proxy_service.${name}\n}`,
        )
        .join("\n")}`;
    const services = async () => (await rest.call("GET", "/reverse-proxies/services")).body;
    await workspace.apply(theirs);
    await workspace.assertEmptyPlan();
    const before = await services();
    workspace.configure(ours);
    // At most what the provider alone knows is new: whether to wait, and secrets that are not in the state any more.
    for (const change of await plannedChanges(workspace)) {
      assert.deepEqual(change.actions, ["update"], change.address);
      const changed = changedPaths(proxyService.schema.attributes, change);
      assert.deepEqual(
        changed.filter((path) => !path.startsWith("wait_for_live")),
        [],
      );
    }
    await workspace.apply();
    await workspace.assertEmptyPlan();
    const facts = (all: Record<string, unknown>[]) => all.map(({ meta: _, revision: __, ...rest }) => rest);
    assert.deepEqual(facts(await services()), facts(before));
  });
});
