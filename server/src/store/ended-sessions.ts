import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** A visitor's session that was ended before its time. */
export interface EndedSession {
  /** Hex SHA-256 of the session token. */
  tokenHash: string;
  accountId: AccountId;
  endedAt: number;
  /** When it would have ended by itself. */
  expiresAt: number;
}

const codec = rowCodec<EndedSession>({
  tokenHash: "text",
  accountId: "text",
  endedAt: "integer",
  expiresAt: "integer",
});

/** Ending it twice is ending it. */
export async function insertEndedSession(db: Db, session: EndedSession): Promise<void> {
  await db("ended_sessions").insert(codec.toRow(session)).onConflict("token_hash").ignore();
}

/** @param account of a proxy with one account; undefined: of all */
export async function listEndedSessions(
  db: Db,
  account: AccountId | undefined,
  sinceMs: number,
  nowMs: number,
): Promise<EndedSession[]> {
  const query = db("ended_sessions").where("ended_at", ">=", sinceMs).where("expires_at", ">", nowMs);
  if (account !== undefined) query.where({ account_id: account });
  return (await query).map((row: Record<string, unknown>) => codec.fromRow(row));
}

export async function deleteExpiredEndedSessions(db: Db, nowMs: number): Promise<void> {
  await db("ended_sessions").where("expires_at", "<=", nowMs).delete();
}
