import type { Knex } from "knex";

// Times are integer milliseconds since 1970, ids are 20-character text, structured values are JSON in text columns:
// the same on SQLite and PostgreSQL.
const ID = 40;

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("server_state", (table) => {
    table.string("key", 64).primary();
    table.text("value").notNullable();
  });

  await db.schema.createTable("accounts", (table) => {
    table.string("id", ID).primary();
    table.string("domain", 255).notNullable();
    table.string("network_v4", 32).notNullable();
    table.string("network_v6", 64).notNullable();
    table.text("settings").notNullable();
    table.bigInteger("created_at").notNullable();
    table.string("created_by", 255).notNullable();
  });

  await db.schema.createTable("users", (table) => {
    table.string("id", 255).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("email", 320).notNullable();
    table.string("name", 255).notNullable();
    table.string("role", 32).notNullable();
    table.text("password_hash");
    table.boolean("is_service_user").notNullable();
    table.boolean("is_blocked").notNullable();
    table.boolean("pending_approval").notNullable();
    table.string("issued", 32).notNullable();
    table.text("auto_groups").notNullable();
    table.bigInteger("last_login");
    table.bigInteger("created_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("personal_access_tokens", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("user_id", 255).notNullable().references("users.id").onDelete("CASCADE");
    table.string("name", 255).notNullable();
    table.string("token_hash", 64).notNullable().unique();
    table.bigInteger("expires_at").notNullable();
    table.string("created_by", 255).notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("last_used");
    table.index(["user_id"]);
  });

  await db.schema.createTable("groups", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("name", 255).notNullable();
    table.string("issued", 32).notNullable();
    table.bigInteger("created_at").notNullable();
    table.unique(["account_id", "name"]);
  });

  await db.schema.createTable("setup_keys", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("name", 255).notNullable();
    table.string("key_hash", 64).notNullable().unique();
    table.string("key_preview", 16).notNullable();
    table.string("type", 16).notNullable();
    table.bigInteger("expires_at");
    table.boolean("revoked").notNullable();
    table.integer("used_times").notNullable();
    table.bigInteger("last_used");
    table.text("auto_groups").notNullable();
    table.integer("usage_limit").notNullable();
    table.boolean("ephemeral").notNullable();
    table.boolean("allow_extra_dns_labels").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("updated_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("peers", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("kind", 16).notNullable();
    table.string("name", 255).notNullable();
    table.string("dns_label", 63).notNullable();
    table.string("public_key", 64).notNullable();
    table.string("ip", 45).notNullable();
    table.string("ipv6", 45);
    table.text("preshared_key");
    table.string("agent_token_hash", 64).unique();
    table.string("hostname", 255).notNullable();
    table.string("os", 255).notNullable();
    table.string("kernel_version", 255).notNullable();
    table.string("version", 64).notNullable();
    table.text("meta").notNullable();
    table.boolean("connected").notNullable();
    table.string("connection_ip", 64).notNullable();
    table.bigInteger("last_seen").notNullable();
    table.bigInteger("last_login");
    table.bigInteger("latest_handshake");
    table.boolean("ssh_enabled").notNullable();
    table.boolean("login_expiration_enabled").notNullable();
    table.boolean("inactivity_expiration_enabled").notNullable();
    table.boolean("ephemeral").notNullable();
    table.string("user_id", 255);
    table.string("setup_key_id", ID).references("setup_keys.id").onDelete("SET NULL");
    table.string("proxy_id", 255);
    table.string("cluster", 255);
    table.string("wireguard_endpoint", 512);
    table.string("websocket_endpoint", 512);
    table.bigInteger("created_at").notNullable();
    table.unique(["account_id", "public_key"]);
    table.unique(["account_id", "ip"]);
    table.unique(["account_id", "ipv6"]);
    table.unique(["account_id", "dns_label"]);
    table.unique(["account_id", "proxy_id"]);
  });

  await db.schema.createTable("group_peers", (table) => {
    table.string("group_id", ID).notNullable().references("groups.id").onDelete("CASCADE");
    table.string("peer_id", ID).notNullable().references("peers.id").onDelete("CASCADE");
    table.primary(["group_id", "peer_id"]);
    table.index(["peer_id"]);
  });

  // resource_id is a network resource, or a peer when resource_type is "peer".
  await db.schema.createTable("group_resources", (table) => {
    table.string("group_id", ID).notNullable().references("groups.id").onDelete("CASCADE");
    table.string("resource_id", ID).notNullable();
    table.string("resource_type", 16).notNullable();
    table.primary(["group_id", "resource_id"]);
    table.index(["resource_id"]);
  });

  await db.schema.createTable("networks", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("name", 255).notNullable();
    table.text("description").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("network_resources", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("network_id", ID).notNullable().references("networks.id").onDelete("CASCADE");
    table.string("name", 255).notNullable();
    table.text("description").notNullable();
    table.string("address", 300).notNullable();
    table.string("type", 16).notNullable();
    table.boolean("enabled").notNullable();
    // Set for type "domain": the overlay address, reserved in the account's range, that stands for the name.
    table.string("virtual_ip", 45);
    table.bigInteger("created_at").notNullable();
    table.unique(["account_id", "name"]);
    table.unique(["account_id", "virtual_ip"]);
    table.index(["network_id"]);
  });

  await db.schema.createTable("network_routers", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("network_id", ID).notNullable().references("networks.id").onDelete("CASCADE");
    table.string("peer_id", ID);
    table.text("peer_groups").notNullable();
    table.integer("metric").notNullable();
    table.boolean("masquerade").notNullable();
    table.boolean("enabled").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["network_id"]);
    table.index(["account_id"]);
  });

  await db.schema.createTable("proxy_tokens", (table) => {
    table.string("id", ID).primary();
    // Null: a global token, made by the command line.
    table.string("account_id", ID).references("accounts.id").onDelete("CASCADE");
    table.string("name", 255).notNullable();
    table.string("token_hash", 64).notNullable().unique();
    table.bigInteger("expires_at");
    table.string("created_by", 255).notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("last_used");
    table.boolean("revoked").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("proxies", (table) => {
    table.string("id", 255).primary();
    // Null: shared by every account.
    table.string("account_id", ID).references("accounts.id").onDelete("CASCADE");
    table.string("token_id", ID).notNullable();
    table.string("cluster", 255).notNullable();
    table.string("session_id", 64).notNullable();
    table.string("version", 64).notNullable();
    table.string("ip", 64).notNullable();
    table.boolean("connected").notNullable();
    table.bigInteger("connected_at").notNullable();
    table.bigInteger("last_seen").notNullable();
    table.text("capabilities").notNullable();
    table.bigInteger("applied_revision").notNullable();
    table.string("wireguard_endpoint", 512).notNullable();
    table.string("websocket_endpoint", 512).notNullable();
    table.integer("public_https_port").notNullable();
    table.index(["cluster"]);
  });

  await db.schema.createTable("domains", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("domain", 255).notNullable();
    // Lower case: two spellings are one name.
    table.string("domain_key", 255).notNullable().unique();
    table.string("target_cluster", 255).notNullable();
    table.boolean("validated").notNullable();
    table.bigInteger("validated_at");
    table.bigInteger("last_checked_at");
    table.text("last_error").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("services", (table) => {
    table.string("id", ID).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("name", 255).notNullable();
    table.string("domain", 255).notNullable();
    // Lower case: two spellings are one name.
    table.string("domain_key", 255).notNullable().unique();
    table.string("mode", 8).notNullable();
    table.integer("listen_port").notNullable();
    table.boolean("port_auto_assigned").notNullable();
    table.string("proxy_cluster", 255).notNullable();
    table.boolean("enabled").notNullable();
    table.boolean("terminated").notNullable();
    table.boolean("private").notNullable();
    table.boolean("public").notNullable();
    table.boolean("pass_host_header").notNullable();
    table.boolean("rewrite_redirects").notNullable();
    table.text("auth").notNullable();
    table.text("access_restrictions");
    table.text("access_groups").notNullable();
    table.string("session_public_key", 64).notNullable();
    table.text("session_private_key").notNullable();
    table.string("source", 32).notNullable();
    table.string("source_peer", ID);
    table.bigInteger("certificate_issued_at");
    table.bigInteger("revision").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("updated_at").notNullable();
    table.index(["account_id"]);
    table.index(["proxy_cluster"]);
  });
  // One listener per port on a cluster. Partial indexes read the same on SQLite and PostgreSQL.
  await db.raw(
    "create unique index services_cluster_port on services (proxy_cluster, mode, listen_port) where mode in ('tcp', 'udp')",
  );

  await db.schema.createTable("service_targets", (table) => {
    table.string("service_id", ID).notNullable().references("services.id").onDelete("CASCADE");
    table.integer("position").notNullable();
    table.string("account_id", ID).notNullable();
    table.string("target_id", 255).notNullable();
    table.string("target_type", 16).notNullable();
    table.string("protocol", 16).notNullable();
    table.string("host", 300).notNullable();
    table.integer("port").notNullable();
    table.text("path");
    table.boolean("enabled").notNullable();
    table.text("options").notNullable();
    table.primary(["service_id", "position"]);
    table.index(["account_id", "target_id"]);
  });

  await db.schema.createTable("service_reports", (table) => {
    table.string("proxy_id", 255).notNullable().references("proxies.id").onDelete("CASCADE");
    table.string("service_id", ID).notNullable().references("services.id").onDelete("CASCADE");
    table.string("account_id", ID).notNullable();
    table.text("report").notNullable();
    table.bigInteger("serving_revision").notNullable();
    table.bigInteger("reported_at").notNullable();
    table.primary(["proxy_id", "service_id"]);
    table.index(["service_id"]);
  });

  await db.schema.createTable("revisions", (table) => {
    table.increments("revision");
    table.string("account_id", ID).notNullable();
    table.string("kind", 16).notNullable();
    table.string("object_id", 255).notNullable();
    table.string("cluster", 255);
    table.string("operation", 16).notNullable();
    table.bigInteger("created_at").notNullable();
  });

  await db.schema.createTable("one_time_tokens", (table) => {
    table.string("token_hash", 64).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("service_id", ID).notNullable();
    table.bigInteger("expires_at").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["expires_at"]);
  });

  await db.schema.createTable("access_logs", (table) => {
    table.string("id", 64).primary();
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("service_id", ID).notNullable();
    table.bigInteger("timestamp").notNullable();
    table.string("method", 32).notNullable();
    table.string("host", 255).notNullable();
    table.text("path").notNullable();
    table.bigInteger("duration_ms").notNullable();
    table.integer("status_code").notNullable();
    table.string("source_ip", 45).notNullable();
    table.text("reason").notNullable();
    table.string("user_id", 255).notNullable();
    table.string("auth_method", 64).notNullable();
    table.bigInteger("bytes_upload").notNullable();
    table.bigInteger("bytes_download").notNullable();
    table.string("protocol", 16).notNullable();
    table.string("country_code", 8).notNullable();
    table.string("city_name", 255).notNullable();
    table.string("subdivision_code", 16).notNullable();
    table.text("metadata").notNullable();
    table.index(["account_id", "timestamp"]);
  });

  await db.schema.createTable("audit_events", (table) => {
    table.increments("id");
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.bigInteger("timestamp").notNullable();
    table.string("activity_code", 64).notNullable();
    table.string("initiator_id", 255).notNullable();
    table.string("initiator_name", 255).notNullable();
    table.string("initiator_email", 320).notNullable();
    table.string("target_id", 255).notNullable();
    table.text("meta").notNullable();
    table.index(["account_id", "timestamp"]);
  });
}

const tables = [
  "audit_events",
  "access_logs",
  "one_time_tokens",
  "revisions",
  "service_reports",
  "service_targets",
  "services",
  "domains",
  "proxies",
  "proxy_tokens",
  "network_routers",
  "network_resources",
  "networks",
  "group_resources",
  "group_peers",
  "peers",
  "setup_keys",
  "groups",
  "personal_access_tokens",
  "users",
  "accounts",
  "server_state",
];

export async function down(db: Knex): Promise<void> {
  for (const table of tables) await db.schema.dropTableIfExists(table);
}
