import type { Knex } from "knex";

// In the database, so that an attacker gains nothing by asking several servers in turn.
export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("failure_budgets", (table) => {
    table.text("key").primary();
    table.double("level").notNullable();
    table.bigInteger("at_ms").notNullable();
    table.index(["at_ms"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("failure_budgets");
}
