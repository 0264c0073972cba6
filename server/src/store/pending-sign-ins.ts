import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export const SIGN_IN_VERIFIER_PURPOSE = "pending_sign_ins.verifier";

/** A visitor of a service on the way to the identity provider and back; works once. */
export interface PendingSignIn {
  /** Hex SHA-256 of the `state` that travels with the visitor. */
  stateHash: string;
  accountId: AccountId;
  domain: string;
  /** Where the visitor wanted to go. */
  returnUrl: string;
  /** PKCE (RFC 7636), sealed with purpose {@link SIGN_IN_VERIFIER_PURPOSE}. */
  sealedVerifier: string;
  nonce: string;
  /** Hex SHA-256 of a secret of the visitor's browser; null with proxies that send none. */
  browserHash: string | null;
  expiresAt: number;
}

const codec = rowCodec<PendingSignIn>({
  stateHash: "text",
  accountId: "text",
  domain: "text",
  returnUrl: "text",
  sealedVerifier: "text",
  nonce: "text",
  browserHash: "text",
  expiresAt: "integer",
});

export async function insertPendingSignIn(db: Db, signIn: PendingSignIn): Promise<void> {
  await db("pending_sign_ins").insert(codec.toRow(signIn));
}

/** The row goes to exactly one caller. */
export async function takePendingSignIn(
  db: Db,
  stateHash: string,
  nowMs: number,
): Promise<PendingSignIn | undefined> {
  const row = await db("pending_sign_ins").where({ state_hash: stateHash }).first();
  if (!row) return undefined;
  const deleted = await db("pending_sign_ins").where({ state_hash: stateHash }).delete();
  const signIn = codec.fromRow(row);
  return deleted === 1 && signIn.expiresAt > nowMs ? signIn : undefined;
}

export async function deleteExpiredPendingSignIns(db: Db, nowMs: number): Promise<void> {
  await db("pending_sign_ins").where("expires_at", "<=", nowMs).delete();
}
