import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("proxies", (table) => {
    // How the proxy orders certificates, JSON; null when it orders none, or says nothing about it.
    table.text("acme");
  });
  // Challenges of our own: whether the authority's would get an answer. Any server may be asked for the answer.
  await db.schema.createTable("preflight_challenges", (table) => {
    // Lower case, as everywhere in the sharing of certificates.
    table.text("cluster").notNullable();
    table.text("name").notNullable();
    table.text("token").notNullable();
    table.text("key_authorization").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.primary(["cluster", "name"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("preflight_challenges");
  await db.schema.alterTable("proxies", (table) => table.dropColumn("acme"));
}
