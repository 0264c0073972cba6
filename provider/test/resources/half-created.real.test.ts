import assert from "node:assert/strict";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";

/** What takes more than one write to create, and fails after the first. */
suite("an object that is half created", () => {
  let real: RealServer;
  let failing = false;
  setup(async () => {
    failing = true;
    real = await openRealServer(undefined, {
      onRequest: ({ method, url }) => {
        const second = method === "PUT" && !url.includes("dry_run");
        return failing && (second || url.endsWith("/validate")) ? 403 : undefined;
      },
    });
  });
  teardown(() => real.close());

  const hcl = `
    provider "netbird" { max_retries = 0 }
    resource "netbird_custom_domain" "x" {
      domain              = "apps.example.org"
      target_cluster      = "${CLUSTER}"
      wait_for_validation = true
      timeouts            = { create = "5s" }
    }
    resource "netbird_setup_key" "x" {
      name    = "agents"
      revoked = true
    }
    resource "netbird_user" "x" {
      name            = "ci"
      role            = "auditor"
      is_service_user = true
      is_blocked      = true
    }
    resource "netbird_wireguard_peer" "x" {
      name       = "phone"
      public_key = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
      ip         = "100.64.9.9"
    }`;

  test("is in the state, and the next apply leaves exactly one", async () => {
    const { rest, workspace } = real;
    const [account] = (await rest.call("GET", "/accounts")).body;
    const ranges = { network_range: "100.64.0.0/16" };
    await rest.call("PATCH", `/accounts/${account.id}`, { settings: ranges });
    await workspace.applyFails(hcl);
    const made = [...(await workspace.states()).keys()].sort();
    assert.deepEqual(made, [
      "netbird_custom_domain.x",
      "netbird_setup_key.x",
      "netbird_user.x",
      "netbird_wireguard_peer.x",
    ]);

    failing = false;
    rest.records.set("validation.apps.example.org", CLUSTER);
    await workspace.apply();
    await workspace.assertEmptyPlan();
    const states = await workspace.states();
    for (const [address, path] of [
      ["netbird_custom_domain.x", "/reverse-proxies/domains"],
      ["netbird_setup_key.x", "/setup-keys"],
      ["netbird_user.x", "/users"],
      ["netbird_wireguard_peer.x", "/peers"],
    ] as const) {
      const { body } = await rest.call<{ id: string; name?: string; domain?: string }[]>("GET", path);
      const { id, name, domain } = states.get(address)!;
      const ours = body.filter((one) => (name === undefined ? one.domain === domain : one.name === name));
      assert.deepEqual(
        ours.map((one) => one.id),
        [id],
        address,
      );
    }
  });
});
