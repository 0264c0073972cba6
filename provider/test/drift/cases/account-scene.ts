import type { DriftScene } from "../drift-case.ts";

const PNG =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export const accountScene: DriftScene = {
  name: "account settings",
  cases: ({ groups: [staff, guests] }) => {
    const other = {
      peer_login_expiration_enabled: false,
      peer_login_expiration: 3600,
      peer_inactivity_expiration_enabled: false,
      peer_inactivity_expiration: 900,
      regular_users_view_blocked: false,
      groups_propagation_enabled: false,
      jwt_groups_enabled: false,
      jwt_groups_claim_name: "roles",
      jwt_allow_groups: ["guests"],
      routing_peer_dns_resolution_enabled: false,
      lazy_connection_enabled: false,
      dns_domain: "other.example",
      network_range: "100.80.0.0/16",
      network_range_v6: "fd00:2::/64",
      ipv6_enabled_groups: [guests],
      peer_expose_enabled: false,
      peer_expose_groups: [guests],
      auto_update_version: "latest",
      auto_update_always: false,
      metrics_push_enabled: false,
      local_mfa_enabled: false,
      branding_name: "Other",
      branding_logo: "",
      branding_color: "#000000",
    };
    const otherExtra = {
      peer_approval_enabled: false,
      user_approval_required: false,
      network_traffic_logs_enabled: false,
      network_traffic_logs_groups: [guests],
      network_traffic_packet_counter_enabled: false,
    };
    const sets = ["jwt_allow_groups", "ipv6_enabled_groups", "peer_expose_groups"];
    return [
      {
        type: "netbird_account_settings",
        hcl: `
          peer_login_expiration_enabled          = true
          peer_login_expiration                  = 7200
          peer_inactivity_expiration_enabled     = true
          peer_inactivity_expiration             = 600
          regular_users_view_blocked             = true
          groups_propagation_enabled             = true
          jwt_groups_enabled                     = true
          jwt_groups_claim_name                  = "groups"
          jwt_allow_groups                       = ["staff"]
          routing_peer_dns_resolution_enabled    = true
          lazy_connection_enabled                = true
          dns_domain                             = "peers.example"
          network_range                          = "100.70.0.0/16"
          network_range_v6                       = "fd00:1::/64"
          ipv6_enabled_groups                    = ["${staff}"]
          peer_expose_enabled                    = true
          peer_expose_groups                     = ["${staff}"]
          auto_update_version                    = "disabled"
          auto_update_always                     = true
          metrics_push_enabled                   = true
          local_mfa_enabled                      = true
          branding_name                          = "Shop"
          branding_logo                          = "${PNG}"
          branding_color                         = "#1d4ed8"
          peer_approval_enabled                  = true
          user_approval_required                 = true
          network_traffic_logs_enabled           = true
          network_traffic_logs_groups            = ["${staff}"]
          network_traffic_packet_counter_enabled = true`,
        path: ({ id }) => `/accounts/${id}`,
        rounds: [
          {
            change: { settings: { ...other, extra: otherExtra } },
            drifted: [...Object.keys(other), ...Object.keys(otherExtra)],
          },
          {
            change: {
              settings: {
                ...Object.fromEntries(sets.map((name) => [name, []])),
                peer_expose_enabled: false,
                extra: { network_traffic_logs_groups: [] },
              },
            },
            drifted: [
              ...sets.map((name) => `${name} emptied`),
              "network_traffic_logs_groups emptied",
              "peer_expose_enabled",
            ],
          },
        ],
      },
    ];
  },
};
