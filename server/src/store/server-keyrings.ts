import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** What a running server says about its encryption keys. */
export interface ServerKeyring {
  /** Another one every time the program starts. */
  serverId: string;
  /** For people: host, address and process. */
  label: string;
  /** The id of the key that it seals with. */
  currentKey: string;
  /** Ids of the keys in its file. */
  knownKeys: string[];
  seenAt: number;
}

/** A server says again that it is there after this time ... */
export const KEYRING_REPORT_MS = 20_000;
/** ... and is taken for gone after this one. */
export const KEYRING_GONE_MS = 60_000;

const codec = rowCodec<ServerKeyring>({
  serverId: "text",
  label: "text",
  currentKey: "text",
  knownKeys: "json",
  seenAt: "integer",
});

/** Replaces what the server said before; what servers that are gone have said is removed. */
export async function saveServerKeyring(db: Db, keyring: ServerKeyring): Promise<void> {
  await db("server_keyrings").insert(codec.toRow(keyring)).onConflict("server_id").merge();
  await db("server_keyrings")
    .where("seen_at", "<", keyring.seenAt - 2 * KEYRING_GONE_MS)
    .delete();
}

export async function deleteServerKeyring(db: Db, serverId: string): Promise<void> {
  await db("server_keyrings").where({ server_id: serverId }).delete();
}

/** Of the servers that are running. */
export async function listServerKeyrings(db: Db, nowMs: number): Promise<ServerKeyring[]> {
  const rows = await db("server_keyrings")
    .where("seen_at", ">=", nowMs - KEYRING_GONE_MS)
    .orderBy("label");
  return rows.map(codec.fromRow);
}
