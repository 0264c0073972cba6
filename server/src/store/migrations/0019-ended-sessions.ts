import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  // Visitors' sessions that were ended before their time, until they would have ended anyway. Proxies ask for them.
  await db.schema.createTable("ended_sessions", (table) => {
    table.text("token_hash").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.bigInteger("ended_at").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.index(["ended_at"]);
    table.index(["expires_at"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("ended_sessions");
}
