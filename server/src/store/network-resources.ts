import type { AccountId, NetworkId, ResourceId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export type ResourceType = "host" | "subnet" | "domain";

export interface NetworkResource {
  id: ResourceId;
  accountId: AccountId;
  networkId: NetworkId;
  name: string;
  description: string;
  /** host and subnet: a CIDR (`10.0.0.1/32`); domain: a name, perhaps starting with `*.` */
  address: string;
  type: ResourceType;
  enabled: boolean;
  /** Domain resources: the overlay address that stands for the name, without prefix length. */
  virtualIp: string | null;
  createdAt: number;
}

const codec = rowCodec<NetworkResource>({
  id: "text",
  accountId: "text",
  networkId: "text",
  name: "text",
  description: "text",
  address: "text",
  type: "text",
  enabled: "boolean",
  virtualIp: "text",
  createdAt: "integer",
});

export async function insertNetworkResource(db: Db, resource: NetworkResource): Promise<void> {
  await db("network_resources").insert(codec.toRow(resource));
}

/** Of the whole account, or of one network. */
export async function listNetworkResources(
  db: Db,
  account: AccountId,
  network?: string,
): Promise<NetworkResource[]> {
  const query = db("network_resources").where({ account_id: account }).orderBy("created_at");
  return (await (network === undefined ? query : query.where({ network_id: network }))).map(codec.fromRow);
}

/** Those of `ids` that are resources of the account. */
export async function findNetworkResources(
  db: Db,
  account: AccountId,
  ids: readonly string[],
): Promise<NetworkResource[]> {
  if (ids.length === 0) return [];
  const rows = await db("network_resources")
    .where({ account_id: account })
    .whereIn("id", [...ids]);
  return rows.map(codec.fromRow);
}

export async function getNetworkResource(
  db: Db,
  account: AccountId,
  id: string,
): Promise<NetworkResource | undefined> {
  const row = await db("network_resources").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function findNetworkResourceByName(
  db: Db,
  account: AccountId,
  name: string,
): Promise<NetworkResource | undefined> {
  const row = await db("network_resources").where({ account_id: account, name }).first();
  return row && codec.fromRow(row);
}

export async function updateNetworkResource(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<NetworkResource>,
): Promise<void> {
  await db("network_resources").where({ account_id: account, id }).update(codec.toRow(change));
}

export async function deleteNetworkResource(db: Db, account: AccountId, id: string): Promise<void> {
  await db("network_resources").where({ account_id: account, id }).delete();
}
