import type { AccountId, ProxyTokenId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface ProxyToken {
  id: ProxyTokenId;
  /** Null: a global token; its proxies are shared by every account. */
  accountId: AccountId | null;
  name: string;
  /** Standard base64 of SHA-256 over the whole token. */
  tokenHash: string;
  /** Null: never. */
  expiresAt: number | null;
  createdBy: string;
  createdAt: number;
  lastUsed: number | null;
  revoked: boolean;
}

const codec = rowCodec<ProxyToken>({
  id: "text",
  accountId: "text",
  name: "text",
  tokenHash: "text",
  expiresAt: "integer",
  createdBy: "text",
  createdAt: "integer",
  lastUsed: "integer",
  revoked: "boolean",
});

export async function insertProxyToken(db: Db, token: ProxyToken): Promise<void> {
  await db("proxy_tokens").insert(codec.toRow(token));
}

/** Not scoped to an account: the token is what names it. Revoked and expired ones are found too. */
export async function findProxyToken(db: Db, tokenHash: string): Promise<ProxyToken | undefined> {
  const row = await db("proxy_tokens").where({ token_hash: tokenHash }).first();
  return row && codec.fromRow(row);
}

/** @param account null for global tokens */
export async function getProxyToken(
  db: Db,
  account: AccountId | null,
  id: string,
): Promise<ProxyToken | undefined> {
  const row = await db("proxy_tokens").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

/** By id alone, for the minute check on a stream whose token is known already. */
export async function readProxyToken(db: Db, id: ProxyTokenId): Promise<ProxyToken | undefined> {
  const row = await db("proxy_tokens").where({ id }).first();
  return row && codec.fromRow(row);
}

/** @param account null for global tokens */
export async function listProxyTokens(db: Db, account: AccountId | null): Promise<ProxyToken[]> {
  return (await db("proxy_tokens").where({ account_id: account }).orderBy("created_at")).map(codec.fromRow);
}

export async function touchProxyToken(db: Db, id: ProxyTokenId, lastUsed: number): Promise<void> {
  await db("proxy_tokens").where({ id }).update({ last_used: lastUsed });
}

/** The row stays, so that a list shows what was revoked. */
export async function revokeProxyToken(db: Db, account: AccountId | null, id: string): Promise<void> {
  await db("proxy_tokens").where({ account_id: account, id }).update({ revoked: true });
}
