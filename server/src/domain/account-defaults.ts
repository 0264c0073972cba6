/** Settings of a new account, as NetBird makes them. */
export function newAccountSettings(): Record<string, unknown> {
  return {
    peer_login_expiration_enabled: true,
    peer_login_expiration: 86_400,
    peer_inactivity_expiration_enabled: false,
    peer_inactivity_expiration: 600,
    regular_users_view_blocked: true,
    groups_propagation_enabled: true,
    jwt_groups_enabled: false,
    routing_peer_dns_resolution_enabled: true,
    dns_domain: "",
  };
}

/** Suffix of peers' DNS names while the account has none of its own. */
export const DEFAULT_DNS_DOMAIN = "netbird.selfhosted";
/** Everybody who joins this server joins this account. */
export const SINGLE_ACCOUNT_DOMAIN = "netbird.selfhosted";
export const ALL_GROUP = "All";
