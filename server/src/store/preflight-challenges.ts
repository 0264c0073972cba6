import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** A challenge that the server sets itself, to see whether the cluster would answer the authority's. */
export interface PreflightChallenge {
  /** Lower case. */
  cluster: string;
  name: string;
  token: string;
  keyAuthorization: string;
  expiresAt: number;
}

const codec = rowCodec<PreflightChallenge>({
  cluster: "text",
  name: "text",
  token: "text",
  keyAuthorization: "text",
  expiresAt: "integer",
});

/** Replaces one that is under way for the name; those that somebody left behind go too. */
export async function putPreflightChallenge(
  db: Db,
  challenge: PreflightChallenge,
  nowMs: number,
): Promise<void> {
  await db("preflight_challenges").where("expires_at", "<", nowMs).delete();
  await db("preflight_challenges").insert(codec.toRow(challenge)).onConflict(["cluster", "name"]).merge();
}

export async function getPreflightChallenge(
  db: Db,
  cluster: string,
  name: string,
): Promise<PreflightChallenge | undefined> {
  const row = await db("preflight_challenges").where({ cluster, name }).first();
  return row && codec.fromRow(row);
}

export async function deletePreflightChallenge(
  db: Db,
  { cluster, name, token }: Pick<PreflightChallenge, "cluster" | "name" | "token">,
): Promise<void> {
  await db("preflight_challenges").where({ cluster, name, token }).delete();
}
