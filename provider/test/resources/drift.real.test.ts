import assert from "node:assert/strict";
import { oneOfEach, writePair } from "../support/one-of-each.ts";
import { openRealServer, type RealServer } from "../support/real-server.ts";

type Change = Record<string, unknown>;

/** What somebody changes behind Terraform's back, one after the other: attribute, and the change as the API takes it. */
const drifts: Record<string, { path: (state: Change) => string; changes: [string, Change][] }> = {
  netbird_account_settings: {
    path: ({ id }) => `/accounts/${id}`,
    changes: [["peer_login_expiration", { settings: { peer_login_expiration: 3600 } }]],
  },
  netbird_certificate: {
    path: ({ id }) => `/reverse-proxies/certificates/${id}`,
    changes: [["name", { name: "other" }]],
  },
  netbird_network: {
    path: ({ id }) => `/networks/${id}`,
    changes: [
      ["name", { name: "other" }],
      ["description", { description: "other" }],
    ],
  },
  netbird_network_resource: {
    path: ({ id, network_id }) => `/networks/${network_id}/resources/${id}`,
    changes: [
      ["name", { name: "other" }],
      ["description", { description: "other" }],
      ["address", { address: "10.9.9.9" }],
      ["enabled", { enabled: false }],
      ["groups", { groups: [] }],
    ],
  },
  netbird_network_router: {
    path: ({ id, network_id }) => `/networks/${network_id}/routers/${id}`,
    changes: [
      ["metric", { metric: 5 }],
      ["masquerade", { masquerade: false }],
      ["enabled", { enabled: false }],
    ],
  },
  netbird_peer: {
    path: ({ id }) => `/peers/${id}`,
    changes: [
      ["name", { name: "other" }],
      ["ssh_enabled", { ssh_enabled: false }],
    ],
  },
  netbird_policy: {
    path: ({ id }) => `/policies/${id}`,
    changes: [
      ["name", { name: "other" }],
      ["description", { description: "other" }],
      ["enabled", { enabled: false }],
    ],
  },
  netbird_user: {
    path: ({ id }) => `/users/${id}`,
    changes: [
      ["role", { role: "admin" }],
      ["is_blocked", { is_blocked: true }],
    ],
  },
  netbird_wireguard_peer: { path: ({ id }) => `/peers/${id}`, changes: [["name", { name: "other" }]] },
};

suite("drift against the real server", function () {
  this.timeout(60_000);
  let real: RealServer;
  suiteSetup(async () => {
    real = await openRealServer();
    await writePair(real.workspace.folder);
    const peer = await real.make("/peers", { name: "web" });
    await real.workspace.apply(
      oneOfEach(peer).replace(
        `{ id = "${peer}" }`,
        `{\n id = "${peer}"\n name = "web"\n ssh_enabled = true\n}`,
      ),
    );
    await real.workspace.assertEmptyPlan();
  });
  suiteTeardown(() => real.close());

  for (const [typeName, { path, changes }] of Object.entries(drifts))
    for (const [attribute, change] of changes)
      test(`${typeName}.${attribute} is shown and repaired in place`, async () => {
        const { rest, workspace } = real;
        const address = `${typeName}.this`;
        const before = (await workspace.state(address))!;
        const { status, text } = await rest.call("PATCH", path(before), change);
        assert.equal(status, 200, text);
        const { output } = await workspace.plan();
        assert.match(output, new RegExp(`${typeName}\\.this will be updated in-place`), output);
        assert.match(output, new RegExp(`[~+-] ${attribute} `), output);
        assert.match(output, /0 to add, 1 to change, 0 to destroy/, output);
        await workspace.apply();
        await workspace.assertEmptyPlan();
        assert.deepEqual((await workspace.state(address))![attribute], before[attribute]);
      });
});
