import type { Knex } from "knex";

export async function up(db: Knex): Promise<void> {
  await db.schema.alterTable("users", (table) => {
    // What the user was given before counts no more: sessions and tokens of the identity provider, not access tokens.
    table.bigInteger("signed_out_at");
  });
  // Sessions, codes, grants and refresh tokens of the embedded identity provider. Any server may get the next request.
  await db.schema.createTable("identity_records", (table) => {
    table.text("model").notNullable();
    table.text("id_hash").notNullable();
    table.text("sealed_payload").notNullable();
    table.text("grant_id");
    table.text("uid");
    table.text("user_id");
    table.bigInteger("consumed_at");
    table.bigInteger("expires_at").notNullable();
    table.primary(["model", "id_hash"]);
    table.index(["grant_id"]);
    table.index(["uid"]);
    table.index(["user_id"]);
    table.index(["expires_at"]);
  });
  await db.schema.createTable("identity_keys", (table) => {
    table.text("id").primary();
    table.text("kind").notNullable();
    table.text("sealed_key").notNullable();
    // Published at once, used from then on: no server meets a signature whose key it cannot have seen.
    table.bigInteger("used_from").notNullable();
    table.bigInteger("created_at").notNullable();
  });
  // A visitor of a service who is on the way to the identity provider and back.
  await db.schema.createTable("pending_sign_ins", (table) => {
    table.text("state_hash").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("domain").notNullable();
    table.text("return_url").notNullable();
    table.text("sealed_verifier").notNullable();
    table.text("nonce").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.index(["expires_at"]);
  });
  await db.schema.createTable("user_invites", (table) => {
    table.text("id").primary();
    table.text("account_id").notNullable().references("accounts.id").onDelete("CASCADE");
    table.text("email").notNullable();
    table.text("name").notNullable();
    table.text("role").notNullable();
    table.text("auto_groups").notNullable();
    table.text("token_hash").notNullable().unique();
    table.text("created_by").notNullable();
    table.bigInteger("created_at").notNullable();
    table.bigInteger("expires_at").notNullable();
    table.index(["account_id"]);
  });
}

export async function down(db: Knex): Promise<void> {
  await db.schema.dropTableIfExists("user_invites");
  await db.schema.dropTableIfExists("pending_sign_ins");
  await db.schema.dropTableIfExists("identity_keys");
  await db.schema.dropTableIfExists("identity_records");
  await db.schema.alterTable("users", (table) => table.dropColumn("signed_out_at"));
}
