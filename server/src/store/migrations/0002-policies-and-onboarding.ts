import type { Knex } from "knex";
import { newId } from "../../domain/xid.ts";

export async function up(db: Knex): Promise<void> {
  await db.schema.createTable("policies", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("name").notNullable();
    table.text("description").notNullable();
    table.boolean("enabled").notNullable();
    table.text("rules").notNullable();
    table.bigInteger("created_at").notNullable();
    table.index(["account_id"]);
  });
  await db.schema.alterTable("accounts", (table) => {
    table.boolean("onboarding_flow_pending").notNullable().defaultTo(true);
    table.boolean("signup_form_pending").notNullable().defaultTo(true);
  });
  await completeAccounts(db);
}

/** Accounts of the first version get what every account has from now on. */
async function completeAccounts(db: Knex): Promise<void> {
  for (const account of await db("accounts").select("id", "settings", "created_at")) {
    const all = await db("groups").where({ account_id: account.id, name: "All" }).first();
    if (!all) continue;
    const settings = { ...JSON.parse(account.settings), ipv6_enabled_groups: [all.id] };
    await db("accounts")
      .where({ id: account.id })
      .update({ settings: JSON.stringify(settings) });
    const id = newId();
    const side = { groups: [all.id], resource: null };
    const rule = {
      id,
      name: "Default",
      description: "",
      enabled: true,
      bidirectional: true,
      action: "accept",
      protocol: "all",
      source: side,
      destination: side,
      ports: [],
      portRanges: [],
      authorizedGroups: {},
    };
    await db("policies").insert({
      id,
      account_id: account.id,
      name: "Default",
      description: "",
      enabled: true,
      rules: JSON.stringify([rule]),
      created_at: account.created_at,
    });
  }
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("policies");
  // Knex would copy the whole table, which the rows that refer to it forbid inside a transaction.
  await db.raw("alter table accounts drop column onboarding_flow_pending");
  await db.raw("alter table accounts drop column signup_form_pending");
}
