import type { Knex } from "knex";

// Times are integer milliseconds since 1970, ids are 20-character text, structured values are JSON in text columns:
// the same on SQLite and PostgreSQL. Lengths are the rules of domain/, not of columns: SQLite would not hold to them.

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("server_state", (table) => {
    table.text("key").primary();
    table.text("value").notNullable();
  });

  await db.schema.createTable("accounts", (table) => {
    table.text("id").primary();
    table.text("domain").notNullable();
    table.text("network_v4").notNullable();
    table.text("network_v6").notNullable();
    table.text("settings").notNullable();
    table.bigInteger("created_at").notNullable();
    table.text("created_by").notNullable();
  });

  await db.schema.createTable("users", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("email").notNullable();
    table.text("name").notNullable();
    table.text("role").notNullable();
    table.text("password_hash");
    table.boolean("is_service_user").notNullable();
    table.boolean("is_blocked").notNullable();
    table.boolean("pending_approval").notNullable();
    table.text("issued").notNullable();
    table.text("auto_groups").notNullable();
    table.bigInteger("last_login");
    table.bigInteger("created_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("personal_access_tokens", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("user_id").notNullable().references("users.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("token_hash").notNullable().unique();
    table.bigInteger("expires_at").notNullable();
    table.text("created_by").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("last_used");
    table.index(["user_id"]);
  });

  await db.schema.createTable("groups", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("issued").notNullable();
    table.bigInteger("created_at").notNullable();
    table.unique(["account_id", "name"]);
  });

  await db.schema.createTable("setup_keys", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("key_hash").notNullable().unique();
    table.text("key_preview").notNullable();
    table.text("type").notNullable();
    table.bigInteger("expires_at");
    table.boolean("revoked").notNullable();
    table.bigInteger("used_times").notNullable();
    table.bigInteger("last_used");
    table.text("auto_groups").notNullable();
    table.bigInteger("usage_limit").notNullable();
    table.boolean("ephemeral").notNullable();
    table.boolean("allow_extra_dns_labels").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("updated_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("peers", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("kind").notNullable();
    table.text("name").notNullable();
    table.text("dns_label").notNullable();
    table.text("public_key").notNullable();
    table.text("ip").notNullable();
    table.text("ipv6");
    table.text("preshared_key");
    table.text("agent_token_hash").unique();
    table.text("hostname").notNullable();
    table.text("os").notNullable();
    table.text("kernel_version").notNullable();
    table.text("version").notNullable();
    table.text("meta").notNullable();
    table.boolean("connected").notNullable();
    table.text("connection_ip").notNullable();
    table.bigInteger("last_seen").notNullable();
    table.bigInteger("last_login");
    table.bigInteger("latest_handshake");
    table.boolean("ssh_enabled").notNullable();
    table.boolean("login_expiration_enabled").notNullable();
    table.boolean("inactivity_expiration_enabled").notNullable();
    table.boolean("ephemeral").notNullable();
    table.text("user_id");
    table.text("setup_key_id").references("setup_keys.id").onDelete("SET NULL");
    table.text("proxy_id");
    table.text("cluster");
    table.text("wireguard_endpoint");
    table.text("websocket_endpoint");
    table.bigInteger("created_at").notNullable();
    table.unique(["account_id", "public_key"]);
    table.unique(["account_id", "ip"]);
    table.unique(["account_id", "ipv6"]);
    table.unique(["account_id", "dns_label"]);
    table.unique(["account_id", "proxy_id"]);
  });

  await db.schema.createTable("group_peers", (table) => {
    table.text("group_id").notNullable().references("groups.id").onDelete("CASCADE");
    table.text("peer_id").notNullable().references("peers.id").onDelete("CASCADE");
    table.primary(["group_id", "peer_id"]);
    table.index(["peer_id"]);
  });

  // resource_id is a network resource, or a peer when resource_type is "peer".
  await db.schema.createTable("group_resources", (table) => {
    table.text("group_id").notNullable().references("groups.id").onDelete("CASCADE");
    table.text("resource_id").notNullable();
    table.text("resource_type").notNullable();
    table.primary(["group_id", "resource_id"]);
    table.index(["resource_id"]);
  });

  await db.schema.createTable("networks", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("description").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("network_resources", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("network_id").notNullable().references("networks.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("description").notNullable();
    table.text("address").notNullable();
    table.text("type").notNullable();
    table.boolean("enabled").notNullable();
    // Set for type "domain": the overlay address, reserved in the account's range, that stands for the name.
    table.text("virtual_ip");
    table.bigInteger("created_at").notNullable();
    table.unique(["account_id", "name"]);
    table.unique(["account_id", "virtual_ip"]);
    table.index(["network_id"]);
  });

  await db.schema.createTable("network_routers", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("network_id").notNullable().references("networks.id").onDelete("CASCADE");
    table.text("peer_id");
    table.text("peer_groups").notNullable();
    table.bigInteger("metric").notNullable();
    table.boolean("masquerade").notNullable();
    table.boolean("enabled").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["network_id"]);
    table.index(["account_id"]);
  });

  await db.schema.createTable("proxy_tokens", (table) => {
    table.text("id").primary();
    // Null: a global token, made by the command line.
    table.text("account_id").references("accounts.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("token_hash").notNullable().unique();
    table.bigInteger("expires_at");
    table.text("created_by").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("last_used");
    table.boolean("revoked").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("proxies", (table) => {
    table.text("id").primary();
    // Null: shared by every account.
    table.text("account_id").references("accounts.id").onDelete("CASCADE");
    table.text("token_id").notNullable();
    table.text("cluster").notNullable();
    table.text("session_id").notNullable();
    table.text("version").notNullable();
    table.text("ip").notNullable();
    table.boolean("connected").notNullable();
    table.bigInteger("connected_at").notNullable();
    table.bigInteger("last_seen").notNullable();
    table.text("capabilities").notNullable();
    table.bigInteger("applied_revision").notNullable();
    table.text("wireguard_endpoint").notNullable();
    table.text("websocket_endpoint").notNullable();
    table.bigInteger("public_https_port").notNullable();
    table.index(["cluster"]);
  });

  await db.schema.createTable("domains", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("domain").notNullable();
    // Lower case: two spellings are one name.
    table.text("domain_key").notNullable().unique();
    table.text("target_cluster").notNullable();
    table.boolean("validated").notNullable();
    table.bigInteger("validated_at");
    table.bigInteger("last_checked_at");
    table.text("last_error").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["account_id"]);
  });

  await db.schema.createTable("services", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("domain").notNullable();
    // Lower case: two spellings are one name.
    table.text("domain_key").notNullable().unique();
    table.text("mode").notNullable();
    table.bigInteger("listen_port").notNullable();
    table.boolean("port_auto_assigned").notNullable();
    table.text("proxy_cluster").notNullable();
    table.boolean("enabled").notNullable();
    table.boolean("terminated").notNullable();
    table.boolean("private").notNullable();
    table.boolean("public").notNullable();
    table.boolean("pass_host_header").notNullable();
    table.boolean("rewrite_redirects").notNullable();
    table.text("auth").notNullable();
    table.text("access_restrictions");
    table.text("access_groups").notNullable();
    table.text("session_public_key").notNullable();
    table.text("session_private_key").notNullable();
    table.text("source").notNullable();
    table.text("source_peer");
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
    table.text("service_id").notNullable().references("services.id").onDelete("CASCADE");
    table.integer("position").notNullable();
    table.text("account_id").notNullable();
    table.text("target_id").notNullable();
    table.text("target_type").notNullable();
    table.text("protocol").notNullable();
    table.text("host").notNullable();
    table.bigInteger("port").notNullable();
    table.text("path");
    table.boolean("enabled").notNullable();
    table.text("options").notNullable();
    table.primary(["service_id", "position"]);
    table.index(["account_id", "target_id"]);
  });

  await db.schema.createTable("service_reports", (table) => {
    table.text("proxy_id").notNullable().references("proxies.id").onDelete("CASCADE");
    table.text("service_id").notNullable().references("services.id").onDelete("CASCADE");
    table.text("account_id").notNullable();
    table.text("report").notNullable();
    table.bigInteger("serving_revision").notNullable();
    table.bigInteger("reported_at").notNullable();
    table.primary(["proxy_id", "service_id"]);
    table.index(["service_id"]);
  });

  await db.schema.createTable("revisions", (table) => {
    table.increments("revision");
    table.text("account_id").notNullable();
    table.text("kind").notNullable();
    table.text("object_id").notNullable();
    table.text("cluster");
    table.text("operation").notNullable();
    table.bigInteger("created_at").notNullable();
  });

  await db.schema.createTable("one_time_tokens", (table) => {
    table.text("token_hash").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("service_id").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["expires_at"]);
  });

  await db.schema.createTable("access_logs", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("service_id").notNullable();
    table.bigInteger("timestamp").notNullable();
    table.text("method").notNullable();
    table.text("host").notNullable();
    table.text("path").notNullable();
    table.bigInteger("duration_ms").notNullable();
    table.bigInteger("status_code").notNullable();
    table.text("source_ip").notNullable();
    table.text("reason").notNullable();
    table.text("user_id").notNullable();
    table.text("auth_method").notNullable();
    table.bigInteger("bytes_upload").notNullable();
    table.bigInteger("bytes_download").notNullable();
    table.text("protocol").notNullable();
    table.text("country_code").notNullable();
    table.text("city_name").notNullable();
    table.text("subdivision_code").notNullable();
    table.text("metadata").notNullable();
    table.index(["account_id", "timestamp"]);
  });

  await db.schema.createTable("audit_events", (table) => {
    table.increments("id");
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.bigInteger("timestamp").notNullable();
    table.text("activity_code").notNullable();
    table.text("initiator_id").notNullable();
    table.text("initiator_name").notNullable();
    table.text("initiator_email").notNullable();
    table.text("target_id").notNullable();
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
