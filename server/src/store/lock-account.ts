import type { AccountId } from "@netbird-proxy/proto";
import type { Knex } from "knex";

/**
 * Makes writers of one account take turns, so that what a command has checked still holds when it writes. SQLite does
 * that by itself: it has one writer.
 */
export async function lockAccount(trx: Knex.Transaction, account: AccountId): Promise<void> {
  if (trx.client.config.client !== "pg") return;
  await trx("accounts").where({ id: account }).forUpdate().select("id");
}
