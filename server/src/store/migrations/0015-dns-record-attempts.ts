import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("dns_records", (table) => {
    // When removing it was last tried: records that cannot be removed must not keep the others waiting.
    table.bigInteger("tried_at").notNullable().defaultTo(0);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("dns_records", (table) => table.dropColumn("tried_at"));
}
