import type { AccountId } from "@netbird-proxy/proto";
import { newId } from "../domain/xid.ts";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export const IDEMPOTENCY_KEPT_MS = 24 * 60 * 60_000;

/** The answer to a request that named an Idempotency-Key. */
export interface IdempotencyKey {
  accountId: AccountId;
  callerId: string;
  key: string;
  /** Tells who wrote the row first. */
  claim: string;
  /** Hex SHA-256 of method, path and body. */
  requestHash: string;
  status: number;
  /** JSON, sealed with purpose {@link IDEMPOTENCY_PURPOSE}: it may hold a token that is shown once. */
  answer: string;
  createdAt: number;
}

export const IDEMPOTENCY_PURPOSE = "idempotency.answer";

const codec = rowCodec<IdempotencyKey>({
  accountId: "text",
  callerId: "text",
  key: "text",
  claim: "text",
  requestHash: "text",
  status: "integer",
  answer: "text",
  createdAt: "integer",
});

type Owner = Pick<IdempotencyKey, "accountId" | "callerId" | "key">;

const where = ({ accountId, callerId, key }: Owner) => ({
  account_id: accountId,
  caller_id: callerId,
  key,
});

/**
 * Takes the key for this transaction. Whoever comes second waits until the first one's transaction has ended.
 * @returns undefined when the key is ours now, else what is stored
 */
export async function claimIdempotencyKey(
  db: Db,
  owner: Owner,
  requestHash: string,
  nowMs: number,
): Promise<IdempotencyKey | undefined> {
  const claim = newId();
  await db("idempotency_keys")
    .where(where(owner))
    .where("created_at", "<=", nowMs - IDEMPOTENCY_KEPT_MS)
    .delete();
  await db("idempotency_keys")
    .insert(codec.toRow({ ...owner, claim, requestHash, status: 0, answer: "", createdAt: nowMs }))
    .onConflict(["account_id", "caller_id", "key"])
    .ignore();
  const stored = codec.fromRow(await db("idempotency_keys").where(where(owner)).first());
  return stored.claim === claim ? undefined : stored;
}

export async function storeIdempotentAnswer(
  db: Db,
  owner: Owner,
  { status, answer }: Pick<IdempotencyKey, "status" | "answer">,
): Promise<void> {
  await db("idempotency_keys").where(where(owner)).update({ status, answer });
}

export async function deleteOldIdempotencyKeys(db: Db, nowMs: number): Promise<void> {
  await db("idempotency_keys")
    .where("created_at", "<=", nowMs - IDEMPOTENCY_KEPT_MS)
    .delete();
}
