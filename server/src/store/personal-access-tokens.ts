import type { AccountId, UserId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface PersonalAccessToken {
  id: string;
  accountId: AccountId;
  userId: UserId;
  name: string;
  /** Standard base64 of SHA-256 over the whole token. */
  tokenHash: string;
  expiresAt: number;
  createdBy: string;
  createdAt: number;
  lastUsed: number | null;
}

const codec = rowCodec<PersonalAccessToken>({
  id: "text",
  accountId: "text",
  userId: "text",
  name: "text",
  tokenHash: "text",
  expiresAt: "integer",
  createdBy: "text",
  createdAt: "integer",
  lastUsed: "integer",
});

export async function insertPersonalAccessToken(db: Db, token: PersonalAccessToken): Promise<void> {
  await db("personal_access_tokens").insert(codec.toRow(token));
}

/** Not scoped to an account: the token is what names it. */
export async function findPersonalAccessToken(
  db: Db,
  tokenHash: string,
): Promise<PersonalAccessToken | undefined> {
  const row = await db("personal_access_tokens").where({ token_hash: tokenHash }).first();
  return row && codec.fromRow(row);
}

export async function listPersonalAccessTokens(
  db: Db,
  account: AccountId,
  userId: string,
): Promise<PersonalAccessToken[]> {
  const rows = await db("personal_access_tokens")
    .where({ account_id: account, user_id: userId })
    .orderBy("created_at");
  return rows.map(codec.fromRow);
}

export async function getPersonalAccessToken(
  db: Db,
  account: AccountId,
  userId: string,
  id: string,
): Promise<PersonalAccessToken | undefined> {
  const row = await db("personal_access_tokens").where({ account_id: account, user_id: userId, id }).first();
  return row && codec.fromRow(row);
}

export async function touchPersonalAccessToken(db: Db, id: string, lastUsed: number): Promise<void> {
  await db("personal_access_tokens").where({ id }).update({ last_used: lastUsed });
}

export async function deletePersonalAccessToken(db: Db, account: AccountId, id: string): Promise<void> {
  await db("personal_access_tokens").where({ account_id: account, id }).delete();
}
