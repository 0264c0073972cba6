import type { AccountId, SetupKeyId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface SetupKey {
  id: SetupKeyId;
  accountId: AccountId;
  name: string;
  /** Standard base64 of SHA-256 over the upper-case key. */
  keyHash: string;
  /** The first characters of the key, for display. */
  keyPreview: string;
  type: "reusable" | "one-off";
  /** Null: never. */
  expiresAt: number | null;
  revoked: boolean;
  usedTimes: number;
  lastUsed: number | null;
  autoGroups: string[];
  /** 0 is unlimited. */
  usageLimit: number;
  ephemeral: boolean;
  allowExtraDnsLabels: boolean;
  createdAt: number;
  updatedAt: number;
}

const codec = rowCodec<SetupKey>({
  id: "text",
  accountId: "text",
  name: "text",
  keyHash: "text",
  keyPreview: "text",
  type: "text",
  expiresAt: "integer",
  revoked: "boolean",
  usedTimes: "integer",
  lastUsed: "integer",
  autoGroups: "json",
  usageLimit: "integer",
  ephemeral: "boolean",
  allowExtraDnsLabels: "boolean",
  createdAt: "integer",
  updatedAt: "integer",
});

export async function insertSetupKey(db: Db, key: SetupKey): Promise<void> {
  await db("setup_keys").insert(codec.toRow(key));
}

/** Not scoped to an account: the key is what names it. */
export async function findSetupKeyByHash(db: Db, keyHash: string): Promise<SetupKey | undefined> {
  const row = await db("setup_keys").where({ key_hash: keyHash }).first();
  return row && codec.fromRow(row);
}

export async function getSetupKey(db: Db, account: AccountId, id: string): Promise<SetupKey | undefined> {
  const row = await db("setup_keys").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function listSetupKeys(db: Db, account: AccountId): Promise<SetupKey[]> {
  return (await db("setup_keys").where({ account_id: account }).orderBy("created_at")).map(codec.fromRow);
}

export async function updateSetupKey(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<SetupKey>,
): Promise<void> {
  await db("setup_keys").where({ account_id: account, id }).update(codec.toRow(change));
}

/** Counts one use. @returns false when the key's limit was reached, also by somebody else in the meantime */
export async function spendSetupKey(db: Db, id: SetupKeyId, nowMs: number): Promise<boolean> {
  const changed = await db("setup_keys")
    .where({ id })
    .where((query) => query.where("usage_limit", 0).orWhereRaw("used_times < usage_limit"))
    .update({ used_times: db.raw("used_times + 1"), last_used: nowMs });
  return changed === 1;
}

export async function deleteSetupKey(db: Db, account: AccountId, id: string): Promise<void> {
  await db("setup_keys").where({ account_id: account, id }).delete();
}
