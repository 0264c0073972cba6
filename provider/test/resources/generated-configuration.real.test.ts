import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

/** What `-generate-config-out` makes of each resource, by the id it is imported with. */
const imports: Record<string, (ids: Record<string, string>) => string> = {
  netbird_group: () => "name=staff",
  netbird_network: () => "name=office",
  netbird_network_resource: ({ network }) => `${network}/name=database`,
  netbird_network_router: ({ network, router }) => `${network}/${router}`,
  netbird_policy: () => "name=web",
  netbird_proxy_service: () => `shop.${CLUSTER}`,
  netbird_proxy_service_target: ({ service }) => `${service}/path=/api`,
  netbird_custom_domain: () => "apps.example.org",
  netbird_dns_credentials: () => "domain=apps.example.org",
  netbird_setup_key: () => "name=agents",
  netbird_proxy_token: () => "name=frankfurt",
  netbird_user: () => "name=ci",
  netbird_reverse_proxy_service: () => `domain=shop.${CLUSTER}`,
  netbird_reverse_proxy_domain: () => "apps.example.org",
  netbird_account_settings: () => "account",
  netbird_peer: () => "name=web",
};

suite("configuration that terraform generates for an import", () => {
  let real: RealServer;
  let workspace: TerraformWorkspace;
  const ids: Record<string, string> = {};
  setup(async () => {
    real = await openRealServer();
    workspace = real.workspace;
    await makeObjects();
  });
  teardown(() => real.close());

  async function makeObjects(): Promise<void> {
    const { make } = real;
    const group = await make("/groups", { name: "staff" });
    const peer = await make("/peers", { name: "web" });
    ids.network = await make("/networks", { name: "office", description: "upstairs" });
    const resources = `/networks/${ids.network}/resources`;
    await make(resources, { name: "database", address: "10.1.2.3", enabled: true, groups: [group] });
    ids.router = await make(`/networks/${ids.network}/routers`, {
      peer_groups: [group],
      metric: 7,
      masquerade: true,
      enabled: true,
    });
    await make("/policies", {
      name: "web",
      enabled: true,
      rules: [
        {
          name: "https",
          enabled: true,
          action: "accept",
          protocol: "tcp",
          bidirectional: false,
          sources: [group],
          destinations: [group],
          ports: ["443"],
        },
      ],
    });
    const target = { target_id: peer, target_type: "peer", protocol: "http", port: 3000, enabled: true };
    ids.service = await make("/reverse-proxies/services", {
      name: "shop",
      domain: `shop.${CLUSTER}`,
      enabled: true,
      targets: [target, { ...target, path: "/api", options: { request_timeout: "30s" } }],
      auth: { bearer_auth: { enabled: true, distribution_groups: [group] } },
      access_restrictions: { allowed_countries: ["DE"] },
    });
    await make("/reverse-proxies/domains", { domain: "apps.example.org", target_cluster: CLUSTER });
    await make("/reverse-proxies/dns-credentials", {
      domain: "apps.example.org",
      provider: "webhook",
      webhook: { url: "https://dns.example.com" },
    });
    await make("/setup-keys", {
      name: "agents",
      type: "reusable",
      expires_in: 0,
      auto_groups: [group],
      usage_limit: 5,
    });
    await make("/reverse-proxies/proxy-tokens", { name: "frankfurt" });
    await make("/users", { name: "ci", role: "auditor", is_service_user: true, auto_groups: [group] });
  }

  for (const [type, idOf] of Object.entries(imports))
    test(`${type} plans empty with it`, async () => {
      workspace.configure(`import {\n  to = ${type}.x\n  id = "${idOf(ids)}"\n}`);
      const { code, output } = await workspace.run(
        "plan",
        "-input=false",
        "-no-color",
        "-generate-config-out=generated.tf",
      );
      assert.equal(code, 0, output);
      assert.match(output, /1 to import, 0 to add, 0 to change, 0 to destroy/, output);
      const generated = readFileSync(join(workspace.folder, "generated.tf"), "utf8");
      await workspace.apply();
      await workspace.assertEmptyPlan();
      rmSync(join(workspace.folder, "generated.tf"));
      // And without the import block, once it is stored.
      workspace.configure(generated);
      await workspace.assertEmptyPlan();
    });
});
