/**
 * What a backup holds, parents before children. Every table of the schema is here or in {@link leftOut}; a test sees to it.
 * Rows of a table with `key` are read in pages, so that memory does not grow with them.
 */
export const backupTables: readonly { name: string; key?: string }[] = [
  { name: "server_state" },
  { name: "accounts" },
  { name: "users", key: "id" },
  { name: "personal_access_tokens", key: "id" },
  { name: "user_invites", key: "id" },
  { name: "identity_keys" },
  { name: "groups", key: "id" },
  { name: "setup_keys", key: "id" },
  { name: "peers", key: "id" },
  { name: "group_peers" },
  { name: "group_resources" },
  { name: "networks", key: "id" },
  { name: "network_resources", key: "id" },
  { name: "network_routers", key: "id" },
  { name: "policies", key: "id" },
  { name: "proxy_tokens", key: "id" },
  { name: "proxies", key: "id" },
  { name: "domains", key: "id" },
  { name: "services", key: "id" },
  { name: "service_targets" },
  { name: "grant_uses" },
  { name: "shared_certificates" },
  { name: "acme_accounts" },
  { name: "uploaded_certificates", key: "id" },
  { name: "dns_credentials", key: "id" },
  { name: "wildcard_certificates" },
  { name: "ended_sessions" },
  { name: "revision_counter" },
  { name: "audit_events", key: "id" },
  { name: "access_logs", key: "id" },
];

/** Why these are in no backup. */
export const leftOut: Readonly<Record<string, string>> = {
  revisions: "a restored database starts a new log, or proxies would resume from what never happened in it",
  service_reports: "proxies report again within seconds",
  one_time_tokens: "they live for five minutes",
  failure_budgets: "they live for minutes",
  identity_records: "people sign in again; what was revoked after the backup must not come back",
  pending_sign_ins: "they live for ten minutes",
  sign_in_codes: "they live for a minute",
  certificate_leases: "they live for a minute",
  preflight_challenges: "they live for seconds",
  dns_records: "the orders that they belong to are not restored either",
  server_keyrings: "servers say again within a second which keys they have",
  idempotency_keys: "a repeated request must not be answered from before the restore",
};
