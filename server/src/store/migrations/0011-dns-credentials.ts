import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("dns_credentials", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    // Lower case.
    table.text("domain").notNullable();
    table.boolean("wildcard").notNullable();
    // Everything but the secret.
    table.text("settings").notNullable();
    table.text("sealed_secret").notNullable();
    table.integer("propagation_seconds").notNullable();
    table.bigInteger("last_used_at");
    table.text("last_error").notNullable().defaultTo("");
    table.bigInteger("created_at").notNullable();
    table.bigInteger("updated_at").notNullable();
    table.unique(["account_id", "domain"]);
  });
  await db.schema.createTable("wildcard_certificates", (table) => {
    table.text("cluster").notNullable();
    // Such as *.example.com.
    table.text("name").notNullable();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("sealed_bundle").notNullable();
    table.text("fingerprint").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.bigInteger("saved_at").notNullable();
    table.primary(["cluster", "name", "account_id"]);
    table.index(["account_id"]);
  });
  // Records that are in somebody's DNS now, to be removed when the order that they are for has ended.
  await db.schema.createTable("dns_records", (table) => {
    table.text("lease").notNullable();
    table.text("credentials_id").notNullable().references("dns_credentials.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("value").notNullable();
    table.bigInteger("created_at").notNullable();
    table.primary(["lease", "name", "value"]);
    table.index(["credentials_id"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("dns_records");
  await db.schema.dropTableIfExists("wildcard_certificates");
  await db.schema.dropTableIfExists("dns_credentials");
}
