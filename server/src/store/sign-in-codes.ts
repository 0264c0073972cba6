import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** A visitor who is back from the identity provider and whose browser goes to the proxy; works once. */
export interface SignInCode {
  /** Hex SHA-256 of the code that travels with the visitor. */
  codeHash: string;
  accountId: AccountId;
  domain: string;
  userId: string;
  /** Hex SHA-256 of the secret of the browser that began the sign-in. */
  browserHash: string;
  returnUrl: string;
  expiresAt: number;
}

const codec = rowCodec<SignInCode>({
  codeHash: "text",
  accountId: "text",
  domain: "text",
  userId: "text",
  browserHash: "text",
  returnUrl: "text",
  expiresAt: "integer",
});

export async function insertSignInCode(db: Db, code: SignInCode): Promise<void> {
  await db("sign_in_codes").insert(codec.toRow(code));
}

/** The row goes to exactly one caller. */
export async function takeSignInCode(
  db: Db,
  codeHash: string,
  nowMs: number,
): Promise<SignInCode | undefined> {
  const row = await db("sign_in_codes").where({ code_hash: codeHash }).first();
  if (!row) return undefined;
  const deleted = await db("sign_in_codes").where({ code_hash: codeHash }).delete();
  const code = codec.fromRow(row);
  return deleted === 1 && code.expiresAt > nowMs ? code : undefined;
}

export async function deleteExpiredSignInCodes(db: Db, nowMs: number): Promise<void> {
  await db("sign_in_codes").where("expires_at", "<=", nowMs).delete();
}
