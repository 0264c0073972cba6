import type { AccountId, GroupId, PeerId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export type GroupResourceType = "host" | "subnet" | "domain" | "peer";

export interface GroupResource {
  id: string;
  type: GroupResourceType;
}

export interface Group {
  id: GroupId;
  accountId: AccountId;
  name: string;
  issued: string;
  createdAt: number;
}

/** A group with its members: the ids of peers, and of resources with their type. */
export interface GroupWithMembers extends Group {
  peers: PeerId[];
  resources: GroupResource[];
}

const codec = rowCodec<Group>({
  id: "text",
  accountId: "text",
  name: "text",
  issued: "text",
  createdAt: "integer",
});

export async function insertGroup(db: Db, group: Group): Promise<void> {
  await db("groups").insert(codec.toRow(group));
}

export async function listGroups(db: Db, account: AccountId): Promise<GroupWithMembers[]> {
  const groups: Group[] = (
    await db("groups").where({ account_id: account }).orderBy("created_at").orderBy("id")
  ).map(codec.fromRow);
  return withMembers(db, account, groups);
}

export async function getGroup(
  db: Db,
  account: AccountId,
  id: string,
): Promise<GroupWithMembers | undefined> {
  const row = await db("groups").where({ account_id: account, id }).first();
  if (!row) return undefined;
  return (await withMembers(db, account, [codec.fromRow(row)]))[0];
}

export async function findGroupByName(
  db: Db,
  account: AccountId,
  name: string,
): Promise<GroupWithMembers | undefined> {
  const row = await db("groups").where({ account_id: account, name }).first();
  if (!row) return undefined;
  return (await withMembers(db, account, [codec.fromRow(row)]))[0];
}

/** Two queries for any number of groups. */
async function withMembers(db: Db, account: AccountId, groups: Group[]): Promise<GroupWithMembers[]> {
  const inAccount = db("groups").where({ account_id: account }).select("id");
  const one = groups.length === 1 ? [groups[0]!.id] : inAccount;
  const peerRows = await db("group_peers")
    .whereIn("group_id", one as string[])
    .orderBy("peer_id");
  const resourceRows = await db("group_resources")
    .whereIn("group_id", one as string[])
    .orderBy("resource_id");
  const peers = new Map<string, PeerId[]>();
  for (const row of peerRows) append(peers, row.group_id, row.peer_id as PeerId);
  const resources = new Map<string, GroupResource[]>();
  for (const row of resourceRows) {
    append(resources, row.group_id, { id: row.resource_id, type: row.resource_type });
  }
  return groups.map((group) => ({
    ...group,
    peers: peers.get(group.id) ?? [],
    resources: resources.get(group.id) ?? [],
  }));
}

function append<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

export async function renameGroup(db: Db, account: AccountId, id: GroupId, name: string): Promise<void> {
  await db("groups").where({ account_id: account, id }).update({ name });
}

export async function deleteGroup(db: Db, account: AccountId, id: GroupId): Promise<void> {
  await db("groups").where({ account_id: account, id }).delete();
}

/** Replaces the group's peers. Ids that are no peer of the account are left out. */
export async function setGroupPeers(
  db: Db,
  account: AccountId,
  id: GroupId,
  peers: readonly string[],
): Promise<void> {
  await db("group_peers").where({ group_id: id }).delete();
  const known = await db("peers")
    .where({ account_id: account })
    .whereIn("id", [...peers])
    .pluck("id");
  if (known.length > 0) {
    await db.batchInsert(
      "group_peers",
      known.map((peer: string) => ({ group_id: id, peer_id: peer })),
      200,
    );
  }
}

export async function addPeerToGroups(db: Db, groups: readonly string[], peer: PeerId): Promise<void> {
  for (const group of groups) {
    await db("group_peers")
      .insert({ group_id: group, peer_id: peer })
      .onConflict(["group_id", "peer_id"])
      .ignore();
  }
}

export async function setGroupResources(
  db: Db,
  id: GroupId,
  resources: readonly GroupResource[],
): Promise<void> {
  await db("group_resources").where({ group_id: id }).delete();
  const unique = new Map(resources.map((resource) => [resource.id, resource]));
  for (const resource of unique.values()) {
    await db("group_resources").insert({
      group_id: id,
      resource_id: resource.id,
      resource_type: resource.type,
    });
  }
}

/** Replaces the groups that a resource (or a peer as resource) is a member of. */
export async function setGroupsOfResource(
  db: Db,
  account: AccountId,
  resource: GroupResource,
  groups: readonly string[],
): Promise<void> {
  await db("group_resources")
    .where({ resource_id: resource.id })
    .whereIn("group_id", db("groups").where({ account_id: account }).select("id"))
    .delete();
  for (const group of new Set(groups)) {
    await db("group_resources").insert({
      group_id: group,
      resource_id: resource.id,
      resource_type: resource.type,
    });
  }
}

export async function deleteResourceMemberships(db: Db, resource: string): Promise<void> {
  await db("group_resources").where({ resource_id: resource }).delete();
}
