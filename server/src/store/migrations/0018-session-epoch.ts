import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("services", (table) => {
    // How often somebody ended all sessions of the service.
    table.integer("session_epoch").notNullable().defaultTo(0);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("services", (table) => table.dropColumn("session_epoch"));
}
