import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export const IDENTITY_RECORD_PURPOSE = "identity_records.payload";

/** A session, code, grant, interaction or refresh token of the embedded identity provider. */
export interface IdentityRecord {
  model: string;
  /** Hex SHA-256: the id of most of them is a credential. */
  idHash: string;
  /** JSON, sealed with purpose {@link IDENTITY_RECORD_PURPOSE}. */
  sealedPayload: string;
  grantId: string | null;
  uid: string | null;
  userId: string | null;
  /** Milliseconds; a code or refresh token works once. */
  consumedAt: number | null;
  expiresAt: number;
}

const codec = rowCodec<IdentityRecord>({
  model: "text",
  idHash: "text",
  sealedPayload: "text",
  grantId: "text",
  uid: "text",
  userId: "text",
  consumedAt: "integer",
  expiresAt: "integer",
});

export async function saveIdentityRecord(db: Db, record: IdentityRecord): Promise<void> {
  await db("identity_records").insert(codec.toRow(record)).onConflict(["model", "id_hash"]).merge();
}

/** By its id or, for a session, by its uid; one that has expired is not there. */
export async function findIdentityRecord(
  db: Db,
  key: { model: string; idHash: string } | { model: string; uid: string },
  nowMs: number,
): Promise<IdentityRecord | undefined> {
  const where = "uid" in key ? { model: key.model, uid: key.uid } : { model: key.model, id_hash: key.idHash };
  const row = await db("identity_records").where(where).where("expires_at", ">", nowMs).first();
  return row && codec.fromRow(row);
}

/** @returns false when somebody else was first */
export async function consumeIdentityRecord(
  db: Db,
  { model, idHash }: Pick<IdentityRecord, "model" | "idHash">,
  nowMs: number,
): Promise<boolean> {
  const changed = await db("identity_records")
    .where({ model, id_hash: idHash })
    .whereNull("consumed_at")
    .update({ consumed_at: nowMs });
  return changed === 1;
}

export async function deleteIdentityRecord(db: Db, model: string, idHash: string): Promise<void> {
  await db("identity_records").where({ model, id_hash: idHash }).delete();
}

export async function deleteGrantRecords(db: Db, grantId: string): Promise<void> {
  await db("identity_records").where({ grant_id: grantId }).delete();
}

/** Ends every session and refresh token of a user. */
export async function deleteIdentityRecordsOf(db: Db, userId: string): Promise<void> {
  await db("identity_records").where({ user_id: userId }).delete();
}

export async function deleteExpiredIdentityRecords(db: Db, nowMs: number): Promise<void> {
  await db("identity_records").where("expires_at", "<=", nowMs).delete();
}
