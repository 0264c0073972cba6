import type { AccountId, NetworkId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface Network {
  id: NetworkId;
  accountId: AccountId;
  name: string;
  description: string;
  createdAt: number;
}

const codec = rowCodec<Network>({
  id: "text",
  accountId: "text",
  name: "text",
  description: "text",
  createdAt: "integer",
});

export async function insertNetwork(db: Db, network: Network): Promise<void> {
  await db("networks").insert(codec.toRow(network));
}

export async function listNetworks(db: Db, account: AccountId): Promise<Network[]> {
  return (await db("networks").where({ account_id: account }).orderBy("created_at")).map(codec.fromRow);
}

export async function getNetwork(db: Db, account: AccountId, id: string): Promise<Network | undefined> {
  const row = await db("networks").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function updateNetwork(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<Network>,
): Promise<void> {
  await db("networks").where({ account_id: account, id }).update(codec.toRow(change));
}

/** Its resources and routers go with it. */
export async function deleteNetwork(db: Db, account: AccountId, id: string): Promise<void> {
  await db("networks").where({ account_id: account, id }).delete();
}
