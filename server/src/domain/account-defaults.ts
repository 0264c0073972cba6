import type { AccountSettings } from "@netbird-proxy/proto/rest";

/**
 * What an account keeps as JSON, in the API's own spelling: this server only looks at a few of them. The ranges of
 * addresses are columns of the account, and what the server is like is no setting.
 */
export type KeptSettings = Omit<
  AccountSettings,
  "network_range" | "network_range_v6" | "embedded_idp_enabled" | "local_auth_disabled"
>;

/** Settings of a new account, as NetBird makes them. IPv6 is for everybody, so `all` is the group All. */
export function newAccountSettings({ all }: { all?: string } = {}): KeptSettings {
  return {
    peer_login_expiration_enabled: true,
    peer_login_expiration: 86_400,
    peer_inactivity_expiration_enabled: false,
    peer_inactivity_expiration: 600,
    regular_users_view_blocked: true,
    groups_propagation_enabled: true,
    jwt_groups_enabled: false,
    jwt_groups_claim_name: "",
    jwt_allow_groups: [],
    routing_peer_dns_resolution_enabled: true,
    lazy_connection_enabled: true,
    dns_domain: "",
    ipv6_enabled_groups: all === undefined ? [] : [all],
    peer_expose_enabled: false,
    peer_expose_groups: null,
    auto_update_version: "disabled",
    auto_update_always: false,
    metrics_push_enabled: false,
    local_mfa_enabled: false,
    branding_name: "",
    branding_logo: "",
    branding_color: "",
    extra: {
      peer_approval_enabled: false,
      user_approval_required: true,
      network_traffic_logs_enabled: false,
      network_traffic_logs_groups: [],
      network_traffic_packet_counter_enabled: false,
    },
  };
}

/** Suffix of peers' DNS names while the account has none of its own. */
export const DEFAULT_DNS_DOMAIN = "netbird.selfhosted";
/** Everybody who joins this server joins this account. */
export const SINGLE_ACCOUNT_DOMAIN = "netbird.selfhosted";
export const ALL_GROUP = "All";
