import type { AccountId, UserId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export const roles = ["owner", "admin", "user", "billing_admin", "auditor", "network_admin"] as const;
export type Role = (typeof roles)[number];

export interface User {
  id: UserId;
  accountId: AccountId;
  email: string;
  name: string;
  role: Role;
  /** Argon2id in PHC form; null for users without a password of ours. */
  passwordHash: string | null;
  isServiceUser: boolean;
  isBlocked: boolean;
  pendingApproval: boolean;
  issued: string;
  autoGroups: string[];
  lastLogin: number | null;
  /** What an identity provider handed out before this counts no more; null: nothing is revoked. */
  signedOutAt: number | null;
  createdAt: number;
}

const codec = rowCodec<User>({
  id: "text",
  accountId: "text",
  email: "text",
  name: "text",
  role: "text",
  passwordHash: "text",
  isServiceUser: "boolean",
  isBlocked: "boolean",
  pendingApproval: "boolean",
  issued: "text",
  autoGroups: "json",
  lastLogin: "integer",
  signedOutAt: "integer",
  createdAt: "integer",
});

export async function insertUser(db: Db, user: User): Promise<void> {
  await db("users").insert(codec.toRow(user));
}

export async function getUser(db: Db, account: AccountId, id: string): Promise<User | undefined> {
  const row = await db("users").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

/** Whatever the account: an identity provider knows people, not accounts. */
export async function findPerson(db: Db, id: string): Promise<User | undefined> {
  const row = await db("users").where({ id, is_service_user: false }).first();
  return row && codec.fromRow(row);
}

/** Somebody who signs in here with a password. */
export async function findLocalUser(db: Db, email: string): Promise<User | undefined> {
  const row = await db("users")
    .where({ is_service_user: false })
    .whereNotNull("password_hash")
    .whereRaw("lower(email) = ?", [email.toLowerCase()])
    .orderBy("created_at")
    .first();
  return row && codec.fromRow(row);
}

export async function findUserByEmail(db: Db, account: AccountId, email: string): Promise<User | undefined> {
  const row = await db("users")
    .where({ account_id: account, is_service_user: false })
    .whereRaw("lower(email) = ?", [email.toLowerCase()])
    .first();
  return row && codec.fromRow(row);
}

export async function listUsers(db: Db, account: AccountId): Promise<User[]> {
  return (await db("users").where({ account_id: account }).orderBy("created_at")).map(codec.fromRow);
}

export async function updateUser(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<User>,
): Promise<void> {
  await db("users").where({ account_id: account, id }).update(codec.toRow(change));
}

export async function deleteUser(db: Db, account: AccountId, id: string): Promise<void> {
  await db("users").where({ account_id: account, id }).delete();
}
