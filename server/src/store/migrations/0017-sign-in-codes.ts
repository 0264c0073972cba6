import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("pending_sign_ins", (table) => {
    table.text("browser_hash");
  });
  // A visitor who is back from the identity provider, and on the way to the proxy. Any server may be asked by it.
  await db.schema.createTable("sign_in_codes", (table) => {
    table.text("code_hash").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("domain").notNullable();
    table.text("user_id").notNullable();
    table.text("browser_hash").notNullable();
    table.text("return_url").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.index(["expires_at"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("sign_in_codes");
  await db.schema.alterTable("pending_sign_ins", (table) => table.dropColumn("browser_hash"));
}
