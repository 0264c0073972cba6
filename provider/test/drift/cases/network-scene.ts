import type { Json } from "../../support/management-server.ts";
import type { DriftCase, DriftScene } from "../drift-case.ts";
import { policyCase } from "./policy-case.ts";

/** Peers, groups, networks, and who may use them. */
export const networkScene: DriftScene = {
  name: "peers and networks",
  cases: ({ peers: [a, b, c], groups: [staff, guests], network, hosts: [first, second] }) => {
    const routerPath = ({ id }: Json) => `/networks/${network}/routers/${id}`;
    const routers: DriftCase[] = [
      {
        type: "netbird_network_router",
        label: "by_peer",
        hcl: `network_id = "${network}"\npeer = "${a}"\nmetric = 7\nmasquerade = true\nenabled = true`,
        path: routerPath,
        rounds: [
          {
            change: { peer: b, metric: 8, masquerade: false, enabled: false },
            drifted: ["peer", "metric", "masquerade", "enabled"],
          },
          { change: { peer: null, peer_groups: [staff] }, drifted: ["peer", "peer_groups added"] },
        ],
      },
      {
        type: "netbird_network_router",
        label: "by_groups",
        hcl: `network_id = "${network}"\npeer_groups = ["${staff}"]`,
        path: routerPath,
        rounds: [
          { change: { peer_groups: [guests] }, drifted: ["peer_groups"] },
          { change: { peer_groups: null, peer: c }, drifted: ["peer", "peer_groups emptied"] },
        ],
      },
    ];
    return [
      {
        type: "netbird_group",
        hcl: `name = "team"\npeers = ["${a}"]\nresources = ["${first}"]`,
        path: ({ id }) => `/groups/${id}`,
        rounds: [
          {
            change: { name: "other", peers: [b], resources: [{ id: second, type: "host" }] },
            drifted: ["name", "peers", "resources"],
          },
          { change: { peers: [], resources: [] }, drifted: ["peers emptied", "resources emptied"] },
        ],
      },
      {
        type: "netbird_network",
        hcl: `name = "branch"\ndescription = "upstairs"`,
        path: ({ id }) => `/networks/${id}`,
        rounds: [{ change: { name: "other", description: "below" }, drifted: ["name", "description"] }],
      },
      {
        type: "netbird_network_resource",
        hcl: `
          network_id  = "${network}"
          name        = "database"
          description = "rows"
          address     = "10.9.0.1"
          groups      = ["${staff}"]`,
        path: ({ id }) => `/networks/${network}/resources/${id}`,
        rounds: [
          {
            change: {
              name: "other",
              description: "columns",
              address: "10.9.0.0/24",
              groups: [guests],
              enabled: false,
            },
            drifted: ["name", "description", "address", "groups", "enabled"],
          },
          { change: { groups: [] }, drifted: ["groups emptied"] },
        ],
      },
      ...routers,
      {
        type: "netbird_peer",
        hcl: `
          id                            = "${c}"
          name                          = "web"
          ssh_enabled                   = true
          login_expiration_enabled      = true
          inactivity_expiration_enabled = true
          ip                            = "100.64.9.1"
          ipv6                          = "fd00:1::9:1"`,
        path: ({ id }) => `/peers/${id}`,
        rounds: [
          {
            change: {
              name: "other",
              ssh_enabled: false,
              login_expiration_enabled: false,
              inactivity_expiration_enabled: false,
              ip: "100.64.9.2",
              ipv6: "fd00:1::9:2",
            },
            drifted: [
              "name",
              "ssh_enabled",
              "login_expiration_enabled",
              "inactivity_expiration_enabled",
              "ip",
              "ipv6",
            ],
          },
        ],
      },
      {
        type: "netbird_wireguard_peer",
        hcl: `name = "phone"\nip = "100.64.8.1"\nipv6 = "fd00:1::8:1"\ngroups = ["${staff}"]`,
        path: ({ id }) => `/peers/${id}`,
        rounds: [
          {
            change: { name: "other", ip: "100.64.8.2", ipv6: "fd00:1::8:2" },
            drifted: ["name", "ip", "ipv6"],
          },
          {
            at: () => `/groups/${guests}`,
            change: ({ id }: Json) => ({ peers: [id] }),
            drifted: ["groups"],
          },
          { at: () => `/groups/${staff}`, change: { peers: [] }, drifted: ["groups emptied"] },
        ],
      },
      {
        type: "netbird_setup_key",
        hcl: `name = "agents"\nauto_groups = ["${staff}"]`,
        path: ({ id }) => `/setup-keys/${id}`,
        rounds: [
          { change: { auto_groups: [guests] }, drifted: ["auto_groups"] },
          { change: { auto_groups: [] }, drifted: ["auto_groups emptied"] },
        ],
      },
      {
        type: "netbird_user",
        hcl: `name = "ci"\nrole = "auditor"\nis_service_user = true\nauto_groups = ["${staff}"]`,
        path: ({ id }) => `/users/${id}`,
        rounds: [
          {
            change: { role: "admin", is_blocked: true, auto_groups: [guests] },
            drifted: ["role", "is_blocked", "auto_groups"],
          },
          { change: { auto_groups: [] }, drifted: ["auto_groups emptied"] },
        ],
      },
      policyCase(staff, guests, first, a),
    ];
  },
};
