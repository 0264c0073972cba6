import type { AccountId } from "@netbird-proxy/proto";
import { getPeer, type Peer } from "./peers.ts";
import type { Db } from "./transaction.ts";

/** The agent or device with this overlay address in the account; proxies are nobody's peer here. */
export async function findPeerByAddress(
  db: Db,
  account: AccountId,
  address: string,
): Promise<Peer | undefined> {
  const row = await db("peers")
    .where({ account_id: account })
    .whereNot({ kind: "proxy" })
    .where((query) => query.where({ ip: address }).orWhere({ ipv6: address }))
    .first("id");
  return row && getPeer(db, account, row.id);
}

/** True when any account has a peer with this key. */
export async function isPublicKeyKnown(db: Db, publicKey: string): Promise<boolean> {
  return (await db("peers").where({ public_key: publicKey }).first("id")) !== undefined;
}

/** The groups that a peer is a member of, in a steady order. */
export async function listGroupsOfPeer(db: Db, peerId: string): Promise<{ id: string; name: string }[]> {
  return db("group_peers as m")
    .join("groups as g", "g.id", "m.group_id")
    .where("m.peer_id", peerId)
    .orderBy("g.id")
    .select("g.id", "g.name");
}

/** Names of groups of the account; ids that are none are missing. */
export async function listGroupNames(
  db: Db,
  account: AccountId,
  ids: readonly string[],
): Promise<{ id: string; name: string }[]> {
  if (ids.length === 0) return [];
  return db("groups")
    .where({ account_id: account })
    .whereIn("id", [...ids])
    .orderBy("id")
    .select("id", "name");
}

export async function listPeerNames(db: Db, account: AccountId): Promise<Set<string>> {
  return new Set(await db("peers").where({ account_id: account }).pluck("name"));
}
