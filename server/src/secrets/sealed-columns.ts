/** A column that holds sealed values. */
export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  /** Columns that name a row. */
  readonly key: readonly string[];
  /** What is authenticated with the text: a sealed value fits this column only. */
  readonly purpose: string;
  /** The only row of the table that is sealed, by its first key column. */
  readonly only?: string;
}

/**
 * Every column of the database that holds sealed values. Rotation seals them anew, and a key is removed when none of them
 * needs it any more: a column that is missing here would be lost then. So a {@link SecretBox} takes only these purposes,
 * and a test sees to it that each is used in one place. NULL and an empty string are no sealed values.
 */
export const sealedColumns = [
  // First: a server whose file lacks the new key then fails at its start, and not later at some row.
  { table: "server_state", column: "value", key: ["key"], purpose: "server.key_check", only: "key_check" },
  { table: "services", column: "session_private_key", key: ["id"], purpose: "service.session_key" },
  { table: "peers", column: "preshared_key", key: ["id"], purpose: "peer.preshared_key" },
  // Proxies that have a cluster secret encrypt before it gets here; what they send is sealed once more.
  {
    table: "shared_certificates",
    column: "sealed_bundle",
    key: ["cluster", "name"],
    purpose: "shared certificate",
  },
  {
    table: "wildcard_certificates",
    column: "sealed_bundle",
    key: ["cluster", "name", "account_id"],
    purpose: "shared wildcard certificate",
  },
  {
    table: "uploaded_certificates",
    column: "sealed_key",
    key: ["id"],
    purpose: "uploaded certificate key",
  },
  { table: "dns_credentials", column: "sealed_secret", key: ["id"], purpose: "dns credentials" },
  {
    table: "acme_accounts",
    column: "sealed_key",
    key: ["cluster", "directory_url"],
    purpose: "acme account key",
  },
  {
    table: "idempotency_keys",
    column: "answer",
    key: ["account_id", "caller_id", "key"],
    purpose: "idempotency.answer",
  },
  { table: "identity_keys", column: "sealed_key", key: ["id"], purpose: "identity_keys.key" },
  {
    table: "identity_records",
    column: "sealed_payload",
    key: ["model", "id_hash"],
    purpose: "identity_records.payload",
  },
  {
    table: "pending_sign_ins",
    column: "sealed_verifier",
    key: ["state_hash"],
    purpose: "pending_sign_ins.verifier",
  },
] as const satisfies readonly SealedColumn[];

export type SealedPurpose = (typeof sealedColumns)[number]["purpose"];
