import type { AccountId, PeerId, ResourceId } from "@netbird-proxy/proto";
import type { NetworkResource } from "./network-resources.ts";
import type { Peer } from "./peers.ts";
import { currentRevision } from "./revisions.ts";
import type { ServiceMode, StoredTarget } from "./services.ts";
import type { Db } from "./transaction.ts";

export type OverlayPeer = Pick<
  Peer,
  | "id"
  | "kind"
  | "name"
  | "publicKey"
  | "ip"
  | "ipv6"
  | "userId"
  | "presharedKey"
  | "agentTokenHash"
  | "proxyId"
  | "cluster"
  | "wireguardEndpoint"
  | "websocketEndpoint"
  | "lastSeen"
>;

export type OverlayResource = Pick<NetworkResource, "id" | "networkId" | "address" | "type" | "virtualIp">;

/** An enabled router, with the groups already turned into peers. */
export interface OverlayRouter {
  networkId: string;
  peerIds: PeerId[];
  metric: number;
}

/** A group of the account with the peers in it; those without any are missing. */
export interface OverlayGroup {
  id: string;
  name: string;
  peerIds: PeerId[];
}

/** A user whose devices stand for them. */
export interface OverlayUser {
  id: string;
  email: string;
}

/** An enabled target of an enabled service. */
export type OverlayTarget = Pick<
  StoredTarget,
  "targetId" | "targetType" | "protocol" | "host" | "port" | "options"
> & { mode: ServiceMode; cluster: string };

/** Everything that decides about one account's tunnels, as of one revision. Disabled things are left out. */
export interface OverlayRows {
  accountId: AccountId;
  revision: number;
  peers: OverlayPeer[];
  resources: OverlayResource[];
  routers: OverlayRouter[];
  targets: OverlayTarget[];
  /** In order of id. */
  groups: OverlayGroup[];
  /** Neither blocked nor waiting for approval. */
  users: OverlayUser[];
}

const peerColumns = [
  "id",
  "kind",
  "name",
  "public_key",
  "ip",
  "ipv6",
  "user_id",
  "preshared_key",
  "agent_token_hash",
  "proxy_id",
  "cluster",
  "wireguard_endpoint",
  "websocket_endpoint",
  "last_seen",
];

/** Eight queries for an account of any size. Inside a transaction: the parts have to belong together. */
export async function readOverlayRows(trx: Db, accountId: AccountId): Promise<OverlayRows> {
  const ofAccount = { account_id: accountId };
  const peers = await trx("peers").where(ofAccount).orderBy("id").select(peerColumns);
  const resources = await trx("network_resources")
    .where({ ...ofAccount, enabled: true })
    .orderBy("id")
    .select("id", "network_id", "address", "type", "virtual_ip");
  const routers = await trx("network_routers")
    .where({ ...ofAccount, enabled: true })
    .orderBy("id")
    .select("network_id", "peer_id", "peer_groups", "metric");
  const targets = await trx("service_targets as t")
    .join("services as s", "s.id", "t.service_id")
    .where({ "s.account_id": accountId, "s.enabled": true, "s.terminated": false, "t.enabled": true })
    .orderBy(["t.service_id", "t.position"])
    .select(
      "t.target_id",
      "t.target_type",
      "t.protocol",
      "t.host",
      "t.port",
      "t.options",
      "s.mode",
      "s.proxy_cluster",
    );
  return {
    accountId,
    revision: await currentRevision(trx),
    peers: peers.map((row) => ({
      id: row.id as PeerId,
      kind: row.kind,
      name: row.name,
      publicKey: row.public_key,
      ip: row.ip,
      ipv6: row.ipv6,
      userId: row.user_id,
      presharedKey: row.preshared_key,
      agentTokenHash: row.agent_token_hash,
      proxyId: row.proxy_id,
      cluster: row.cluster,
      wireguardEndpoint: row.wireguard_endpoint,
      websocketEndpoint: row.websocket_endpoint,
      lastSeen: Number(row.last_seen),
    })),
    resources: resources.map((row) => ({
      id: row.id as ResourceId,
      networkId: row.network_id,
      address: row.address,
      type: row.type,
      virtualIp: row.virtual_ip,
    })),
    routers: await withGroupsResolved(trx, accountId, routers),
    targets: targets.map((row) => ({
      targetId: row.target_id,
      targetType: row.target_type,
      protocol: row.protocol,
      host: row.host,
      port: Number(row.port),
      options: JSON.parse(row.options),
      mode: row.mode,
      cluster: row.proxy_cluster,
    })),
    groups: await readGroups(trx, accountId),
    users: await trx("users")
      .where({ ...ofAccount, is_blocked: false, pending_approval: false })
      .select("id", "email"),
  };
}

async function readGroups(trx: Db, accountId: AccountId): Promise<OverlayGroup[]> {
  const rows = await trx("group_peers as m")
    .join("groups as g", "g.id", "m.group_id")
    .where("g.account_id", accountId)
    .orderBy(["g.id", "m.peer_id"])
    .select("g.id", "g.name", "m.peer_id");
  const groups = new Map<string, OverlayGroup>();
  for (const { id, name, peer_id } of rows) {
    const group = groups.get(id);
    if (group) group.peerIds.push(peer_id);
    else groups.set(id, { id, name, peerIds: [peer_id] });
  }
  return [...groups.values()];
}

interface RouterRow {
  network_id: string;
  peer_id: string | null;
  peer_groups: string;
  metric: number;
}

async function withGroupsResolved(
  trx: Db,
  accountId: AccountId,
  rows: readonly RouterRow[],
): Promise<OverlayRouter[]> {
  const groupsOf = rows.map((row) => (row.peer_id ? [] : (JSON.parse(row.peer_groups) as string[])));
  const groups = [...new Set(groupsOf.flat())];
  const members = new Map<string, PeerId[]>();
  if (groups.length > 0) {
    const found = await trx("group_peers as m")
      .join("groups as g", "g.id", "m.group_id")
      .where("g.account_id", accountId)
      .whereIn("m.group_id", groups)
      .orderBy("m.peer_id")
      .select("m.group_id", "m.peer_id");
    for (const { group_id, peer_id } of found) {
      const list = members.get(group_id);
      if (list) list.push(peer_id);
      else members.set(group_id, [peer_id]);
    }
  }
  return rows.map((row, at) => ({
    networkId: row.network_id,
    metric: Number(row.metric),
    peerIds: row.peer_id
      ? [row.peer_id as PeerId]
      : [...new Set(groupsOf[at]!.flatMap((group) => members.get(group) ?? []))],
  }));
}
