import type { AccountId } from "@netbird-proxy/proto";
import { type KeptSettings, newAccountSettings } from "../domain/account-defaults.ts";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface Account {
  id: AccountId;
  domain: string;
  /** A /16 inside 100.64.0.0/10, such as `100.71.0.0/16`. */
  networkV4: string;
  /** A unique local /64, such as `fd12:3456:789a:1::/64`. */
  networkV6: string;
  settings: KeptSettings;
  onboardingFlowPending: boolean;
  signupFormPending: boolean;
  createdAt: number;
  createdBy: string;
}

const codec = rowCodec<Account>({
  id: "text",
  domain: "text",
  networkV4: "text",
  networkV6: "text",
  settings: "json",
  onboardingFlowPending: "boolean",
  signupFormPending: "boolean",
  createdAt: "integer",
  createdBy: "text",
});

/** A setting that is younger than the account has the value that new accounts get. */
function fromRow(row: Record<string, unknown>): Account {
  const account = codec.fromRow(row);
  return { ...account, settings: { ...newAccountSettings(), ...account.settings } };
}

export async function insertAccount(db: Db, account: Account): Promise<void> {
  await db("accounts").insert(codec.toRow(account));
}

export async function getAccount(db: Db, account: AccountId): Promise<Account | undefined> {
  const row = await db("accounts").where({ id: account }).first();
  return row && fromRow(row);
}

export async function listAccounts(db: Db): Promise<Account[]> {
  return (await db("accounts").orderBy("created_at")).map(fromRow);
}

export async function updateAccount(db: Db, account: AccountId, change: Partial<Account>): Promise<void> {
  await db("accounts").where({ id: account }).update(codec.toRow(change));
}

/** Everything of the account goes with it, except the revisions that tell proxies so. */
export async function deleteAccount(db: Db, account: AccountId): Promise<void> {
  await db("accounts").where({ id: account }).delete();
}

export async function countAccounts(db: Db): Promise<number> {
  const row = await db("accounts").count({ n: "*" }).first();
  return Number(row?.n ?? 0);
}
