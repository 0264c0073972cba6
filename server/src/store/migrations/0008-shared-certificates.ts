import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("shared_certificates", (table) => {
    table.text("cluster").notNullable();
    table.text("name").notNullable();
    // Deleting the service destroys the key.
    table.text("service_id").notNullable().references("services.id").onDelete("CASCADE");
    table.text("sealed_bundle").notNullable();
    table.text("fingerprint").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.bigInteger("saved_at").notNullable();
    table.primary(["cluster", "name"]);
    table.index(["service_id"]);
  });
  await db.schema.createTable("certificate_leases", (table) => {
    table.text("cluster").notNullable();
    table.text("name").notNullable();
    table.text("service_id").notNullable().references("services.id").onDelete("CASCADE");
    table.text("lease").notNullable();
    table.text("proxy_id").notNullable();
    table.bigInteger("expires_at").notNullable();
    // Of the order that the lease is for.
    table.text("challenge_token").notNullable().defaultTo("");
    table.text("key_authorization").notNullable().defaultTo("");
    table.primary(["cluster", "name"]);
    table.index(["service_id"]);
  });
  await db.schema.createTable("acme_accounts", (table) => {
    table.text("cluster").notNullable();
    table.text("directory_url").notNullable();
    table.text("sealed_key").notNullable();
    table.primary(["cluster", "directory_url"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("acme_accounts");
  await db.schema.dropTableIfExists("certificate_leases");
  await db.schema.dropTableIfExists("shared_certificates");
}
