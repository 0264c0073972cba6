import type { Knex } from "knex";
import { newId } from "../../domain/xid.ts";

const ID = 64;

/** Targets get ids of their own and say who made them; answers to requests with an Idempotency-Key are kept for a day. */
export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("service_targets", (table) => {
    table.string("id", ID).notNullable().defaultTo("");
    table.string("owner_id", 255).notNullable().defaultTo("");
    table.text("owner_name").notNullable().defaultTo("");
    table.bigInteger("created_at").notNullable().defaultTo(0);
  });
  const rows = await db("service_targets as t")
    .join("services as s", "s.id", "t.service_id")
    .select("t.service_id", "t.position", "s.created_at");
  for (const { service_id, position, created_at } of rows) {
    await db("service_targets").where({ service_id, position }).update({ id: newId(), created_at });
  }
  await db.schema.createTable("idempotency_keys", (table) => {
    table.string("account_id", ID).notNullable().references("accounts.id").onDelete("CASCADE");
    table.string("caller_id", 255).notNullable();
    table.string("key", 255).notNullable();
    table.string("claim", ID).notNullable();
    table.string("request_hash", 64).notNullable();
    table.integer("status").notNullable();
    table.text("answer").notNullable();
    table.bigInteger("created_at").notNullable();
    table.primary(["account_id", "caller_id", "key"]);
    table.index(["created_at"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("idempotency_keys");
  // Knex would copy the whole table, which the rows that refer to it forbid inside a transaction.
  for (const column of ["id", "owner_id", "owner_name", "created_at"]) {
    await db.raw("alter table service_targets drop column ??", [column]);
  }
}
