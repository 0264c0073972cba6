import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";
import type { Role } from "./users.ts";

export interface UserInvite {
  id: string;
  accountId: AccountId;
  email: string;
  name: string;
  role: Role;
  autoGroups: string[];
  /** As of {@link hashToken}; the token itself is shown once. */
  tokenHash: string;
  createdBy: string;
  createdAt: number;
  expiresAt: number;
}

const codec = rowCodec<UserInvite>({
  id: "text",
  accountId: "text",
  email: "text",
  name: "text",
  role: "text",
  autoGroups: "json",
  tokenHash: "text",
  createdBy: "text",
  createdAt: "integer",
  expiresAt: "integer",
});

export async function insertUserInvite(db: Db, invite: UserInvite): Promise<void> {
  await db("user_invites").insert(codec.toRow(invite));
}

export async function listUserInvites(db: Db, account: AccountId): Promise<UserInvite[]> {
  return (await db("user_invites").where({ account_id: account }).orderBy("created_at")).map(codec.fromRow);
}

export async function getUserInvite(db: Db, account: AccountId, id: string): Promise<UserInvite | undefined> {
  const row = await db("user_invites").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function findUserInviteByEmail(
  db: Db,
  account: AccountId,
  email: string,
): Promise<UserInvite | undefined> {
  const row = await db("user_invites")
    .where({ account_id: account })
    .whereRaw("lower(email) = ?", [email.toLowerCase()])
    .first();
  return row && codec.fromRow(row);
}

/** Whatever the account: who holds the token has no other name yet. */
export async function findUserInviteByToken(db: Db, tokenHash: string): Promise<UserInvite | undefined> {
  const row = await db("user_invites").where({ token_hash: tokenHash }).first();
  return row && codec.fromRow(row);
}

export async function updateUserInvite(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<UserInvite>,
): Promise<void> {
  await db("user_invites").where({ account_id: account, id }).update(codec.toRow(change));
}

/** @returns false when there was none */
export async function deleteUserInvite(db: Db, account: AccountId, id: string): Promise<boolean> {
  return (await db("user_invites").where({ account_id: account, id }).delete()) > 0;
}
