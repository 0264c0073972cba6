import type { Knex } from "knex";

// A sequence of PostgreSQL leaves holes and hands numbers out in another order than transactions commit; the row that
// counts is locked until the commit of whoever counted last.
export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("revision_counter", (table) => {
    table.integer("id").primary();
    table.bigInteger("newest").notNullable();
  });
  const row = await db("revisions").max({ newest: "revision" }).first();
  await db("revision_counter").insert({ id: 1, newest: Number(row?.newest ?? 0) });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("revision_counter");
}
