import type { Knex } from "knex";

/** For the oldest of all accounts, and for reading one account's entries in the order of time and id. */
export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("access_logs", (table) => {
    table.index(["timestamp"], "access_logs_timestamp");
    table.dropIndex(["account_id", "timestamp"]);
    table.index(["account_id", "timestamp", "id"], "access_logs_account_time");
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("access_logs", (table) => {
    table.dropIndex(["timestamp"], "access_logs_timestamp");
    table.dropIndex(["account_id", "timestamp", "id"], "access_logs_account_time");
    table.index(["account_id", "timestamp"]);
  });
}
