import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("services", (table) => {
    // Service tokens and share links, without their secrets.
    table.text("grants").notNullable().defaultTo('{"tokens":[],"links":[]}');
  });
  await db.schema.createTable("grant_uses", (table) => {
    table.text("grant_id").primary();
    table.text("service_id").notNullable().references("services.id").onDelete("CASCADE");
    table.integer("uses").notNullable();
    table.bigInteger("last_used_at").notNullable();
    table.index(["service_id"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("grant_uses");
  await db.schema.alterTable("services", (table) => table.dropColumn("grants"));
}
