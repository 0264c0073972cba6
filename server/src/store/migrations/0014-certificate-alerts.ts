import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("service_reports", (table) => {
    // "failed" or "expiring".
    table.text("certificate_alert");
    // Hardly any row has one.
    table.index(["certificate_alert", "service_id"], "service_reports_alerts", {
      predicate: db.whereNotNull("certificate_alert"),
    });
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("service_reports", (table) => {
    table.dropIndex([], "service_reports_alerts");
    table.dropColumn("certificate_alert");
  });
}
