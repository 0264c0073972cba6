import type { Knex } from "knex";

/** Which encryption keys every running server has read, so that a rotation can wait for all of them. */
export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("server_keyrings", (table) => {
    table.text("server_id").primary();
    table.text("label").notNullable();
    table.text("current_key").notNullable();
    table.text("known_keys").notNullable();
    table.bigInteger("seen_at").notNullable();
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("server_keyrings");
}
