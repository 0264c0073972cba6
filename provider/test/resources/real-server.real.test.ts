import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createAuthority, issueCertificate } from "../../../scripts/stack/local-ca.ts";
import type { RestServer } from "../../../server/test/support/rest-server.ts";
import { examplesFolder } from "../../src/docs/pages.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";
import type { TerraformWorkspace } from "../support/terraform.ts";

/** An example, its import id by address, and a change that has to happen in place. */
const cases: Record<string, { imports?: Record<string, string>; change?: [string, string] }> = {
  certificate: { imports: { "netbird_certificate.shop": "name=shop" }, change: ['"shop"\n', '"store"\n'] },
  dns_credentials: {
    imports: { "netbird_dns_credentials.apps": "domain=apps.example.org" },
    change: ["ns1.", "ns2."],
  },
  account_settings: { change: ["7 * 24", "8 * 24"] },
  network: { imports: { "netbird_network.office": "name=office" }, change: ["Machines in", "Hosts of"] },
  network_resource: { change: ["10.1.2.3", "10.1.2.0/24"] },
  network_router: { change: ["peer_groups = [", "metric = 10\n  peer_groups = ["] },
  peer: {
    imports: { "netbird_peer.web": "name=web" },
    change: ["ssh_enabled     = true", "ssh_enabled = false"],
  },
  policy: {
    imports: { "netbird_policy.web": "name=staff to machines" },
    change: ['ports         = ["443"]', 'ports = ["443", "8443"]'],
  },
  proxy_service_target: { change: ["= 8080", "= 8081"] },
  proxy_service_token: {},
  proxy_share_link: {},
  proxy_token: { imports: { "netbird_proxy_token.frankfurt": "name=frankfurt" } },
  token: {},
  user: { imports: { "netbird_user.ci": "name=ci" }, change: ["network_admin", "auditor"] },
  wireguard_peer: { change: ['name       = "phone"', 'name = "tablet"'] },
};

/** What the API does not tell is taken over from the configuration by the first apply after an import. */
const adopts = new Set(["peer", "certificate", "dns_credentials"]);

suite("resources against the real server", () => {
  let real: RealServer;
  let rest: RestServer;
  let workspace: TerraformWorkspace;
  setup(async () => {
    real = await openRealServer(["proxy.example.test"]);
    ({ rest, workspace } = real);
    const { status, text } = await rest.call("POST", "/peers", { name: "web" });
    assert.equal(status, 200, text);
    const authority = await createAuthority("Test Root");
    const { certificate, key } = await issueCertificate(authority, ["shop.proxy.example.test"]);
    writeFileSync(join(workspace.folder, "fullchain.pem"), certificate);
    writeFileSync(join(workspace.folder, "privkey.pem"), key);
  });
  teardown(() => real.close());

  for (const [name, { imports = {}, change }] of Object.entries(cases)) {
    test(`${name}: created, planned empty, imported, changed in place, destroyed`, async () => {
      const example = readFileSync(join(examplesFolder, "resources", `${name}.tf`), "utf8");
      await workspace.apply(example);
      await workspace.assertEmptyPlan();
      for (const [address, id] of Object.entries(imports)) {
        await workspace.run("state", "rm", address);
        const { code, output } = await workspace.import(address, id);
        assert.equal(code, 0, output);
        if (adopts.has(name)) await workspace.apply();
        await workspace.assertEmptyPlan();
      }
      if (change !== undefined) {
        assert.ok(example.includes(change[0]), "the example does not have what is to be changed");
        const { output } = await workspace.plan(example.replace(...change));
        assert.match(output, /0 to add, 1 to change, 0 to destroy/, output);
        await workspace.apply();
        await workspace.assertEmptyPlan();
      }
      await workspace.destroy();
    });
  }
});
