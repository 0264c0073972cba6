import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("domains", (table) => {
    // How the domain was proven: "cname", "txt" or "address".
    table.text("validation_method");
    // The cluster's addresses at the latest check, JSON; for names that can have no CNAME.
    table.text("cluster_addresses").notNullable().defaultTo("[]");
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.alterTable("domains", (table) => {
    table.dropColumn("validation_method");
    table.dropColumn("cluster_addresses");
  });
}
