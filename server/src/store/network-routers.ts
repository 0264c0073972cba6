import type { AccountId, NetworkId, PeerId, RouterId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface NetworkRouter {
  id: RouterId;
  accountId: AccountId;
  networkId: NetworkId;
  /** Either one peer, or every peer of the groups. */
  peerId: PeerId | null;
  peerGroups: string[];
  /** Lower wins. */
  metric: number;
  masquerade: boolean;
  enabled: boolean;
  createdAt: number;
}

const codec = rowCodec<NetworkRouter>({
  id: "text",
  accountId: "text",
  networkId: "text",
  peerId: "text",
  peerGroups: "json",
  metric: "integer",
  masquerade: "boolean",
  enabled: "boolean",
  createdAt: "integer",
});

export async function insertNetworkRouter(db: Db, router: NetworkRouter): Promise<void> {
  await db("network_routers").insert(codec.toRow(router));
}

/** Of the whole account, or of one network. */
export async function listNetworkRouters(
  db: Db,
  account: AccountId,
  network?: string,
): Promise<NetworkRouter[]> {
  const query = db("network_routers").where({ account_id: account }).orderBy("created_at");
  return (await (network === undefined ? query : query.where({ network_id: network }))).map(codec.fromRow);
}

export async function getNetworkRouter(
  db: Db,
  account: AccountId,
  id: string,
): Promise<NetworkRouter | undefined> {
  const row = await db("network_routers").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function updateNetworkRouter(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<NetworkRouter>,
): Promise<void> {
  await db("network_routers").where({ account_id: account, id }).update(codec.toRow(change));
}

export async function deleteNetworkRouter(db: Db, account: AccountId, id: string): Promise<void> {
  await db("network_routers").where({ account_id: account, id }).delete();
}
