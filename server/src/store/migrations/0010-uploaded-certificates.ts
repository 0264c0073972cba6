import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("uploaded_certificates", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("name").notNullable();
    // Leaf first, as it was sent.
    table.text("certificate_chain").notNullable();
    table.text("sealed_key").notNullable();
    // What follows is read from the leaf.
    table.text("domains").notNullable();
    table.bigInteger("not_before").notNullable();
    table.bigInteger("not_after").notNullable();
    table.text("serial").notNullable();
    table.text("fingerprint").notNullable();
    table.text("issuer").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("updated_at").notNullable();
    table.index(["account_id"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("uploaded_certificates");
}
