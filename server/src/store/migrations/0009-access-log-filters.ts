import type { Knex } from "knex";

/**
 * For filters of access logs that leave few of many, in order of time; most entries have no user and did not fail, so
 * those indexes are partial and small. There is none for addresses: they come in no order, and writing a million entries
 * would take twice as long. For audit events: to read those of one account in order of their ids.
 */
export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("access_logs", (table) => {
    table.index(["account_id", "host", "timestamp", "id"], "access_logs_account_host");
  });
  await db.raw(
    "create index access_logs_account_user on access_logs (account_id, user_id, timestamp, id) where user_id <> ''",
  );
  await db.raw(
    "create index access_logs_account_failed on access_logs (account_id, timestamp, id, status_code) where (status_code < 200 or status_code > 399)",
  );
  await db.schema.alterTable("audit_events", (table) => {
    table.index(["account_id", "id"], "audit_events_account_id");
    table.dropIndex(["account_id", "timestamp"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("audit_events", (table) => {
    table.index(["account_id", "timestamp"]);
    table.dropIndex(["account_id", "id"], "audit_events_account_id");
  });
  await db.schema.alterTable("access_logs", (table) => {
    for (const name of ["host", "user", "failed"]) {
      table.dropIndex([], `access_logs_account_${name}`);
    }
  });
}
