import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("services", (table) => {
    // JSON: rules for parts of the service, in order.
    table.text("access_rules").notNullable().defaultTo("[]");
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("services", (table) => table.dropColumn("access_rules"));
}
