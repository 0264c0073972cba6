import type { AccountId, ServiceId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** Lets a stock proxy create its peer once. */
export interface OneTimeToken {
  /** Hex SHA-256 of the token. */
  tokenHash: string;
  accountId: AccountId;
  serviceId: ServiceId;
  expiresAt: number;
  createdAt: number;
}

const codec = rowCodec<OneTimeToken>({
  tokenHash: "text",
  accountId: "text",
  serviceId: "text",
  expiresAt: "integer",
  createdAt: "integer",
});

export async function insertOneTimeToken(db: Db, token: OneTimeToken): Promise<void> {
  await db("one_time_tokens").insert(codec.toRow(token));
}

/** True for exactly one caller: the row is gone with the answer. */
export async function consumeOneTimeToken(
  db: Db,
  token: Pick<OneTimeToken, "tokenHash" | "accountId" | "serviceId">,
  nowMs: number,
): Promise<boolean> {
  const deleted = await db("one_time_tokens")
    .where({ token_hash: token.tokenHash, account_id: token.accountId, service_id: token.serviceId })
    .where("expires_at", ">", nowMs)
    .delete();
  return deleted === 1;
}

export async function deleteExpiredOneTimeTokens(db: Db, nowMs: number): Promise<void> {
  await db("one_time_tokens").where("expires_at", "<=", nowMs).delete();
}
