import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("services", (table) => {
    // Null in rows that are older than this column: the key is as old as the service.
    table.bigInteger("session_key_made_at");
    // Public halves of keys that still verify sessions.
    table.text("former_session_keys").notNullable().defaultTo("[]");
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("services", (table) => {
    table.dropColumn("former_session_keys");
    table.dropColumn("session_key_made_at");
  });
}
