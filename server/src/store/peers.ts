import type { AccountId, PeerId, SetupKeyId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** `agent` enrolled with a setup key, `wireguard` a stock device registered by its key, `proxy` one account on one proxy. */
export type PeerKind = "agent" | "wireguard" | "proxy";

export interface Peer {
  id: PeerId;
  accountId: AccountId;
  kind: PeerKind;
  name: string;
  dnsLabel: string;
  /** Standard base64, 44 characters. */
  publicKey: string;
  /** Overlay addresses without prefix length. */
  ip: string;
  ipv6: string | null;
  /** Sealed with the store's secrets, purpose {@link PRESHARED_KEY_PURPOSE}. */
  presharedKey: string | null;
  /** Standard base64 of SHA-256 over the `nba_` token. */
  agentTokenHash: string | null;
  hostname: string;
  os: string;
  kernelVersion: string;
  version: string;
  meta: Record<string, unknown>;
  connected: boolean;
  /** Address that the newest datagram or connection came from; empty when unknown. */
  connectionIp: string;
  lastSeen: number;
  lastLogin: number | null;
  latestHandshake: number | null;
  sshEnabled: boolean;
  loginExpirationEnabled: boolean;
  inactivityExpirationEnabled: boolean;
  ephemeral: boolean;
  userId: string | null;
  setupKeyId: SetupKeyId | null;
  /** The rest is set for kind `proxy` only. */
  proxyId: string | null;
  cluster: string | null;
  wireguardEndpoint: string | null;
  websocketEndpoint: string | null;
  createdAt: number;
}

export const PRESHARED_KEY_PURPOSE = "peer.preshared_key";

const codec = rowCodec<Peer>({
  id: "text",
  accountId: "text",
  kind: "text",
  name: "text",
  dnsLabel: "text",
  publicKey: "text",
  ip: "text",
  ipv6: "text",
  presharedKey: "text",
  agentTokenHash: "text",
  hostname: "text",
  os: "text",
  kernelVersion: "text",
  version: "text",
  meta: "json",
  connected: "boolean",
  connectionIp: "text",
  lastSeen: "integer",
  lastLogin: "integer",
  latestHandshake: "integer",
  sshEnabled: "boolean",
  loginExpirationEnabled: "boolean",
  inactivityExpirationEnabled: "boolean",
  ephemeral: "boolean",
  userId: "text",
  setupKeyId: "text",
  proxyId: "text",
  cluster: "text",
  wireguardEndpoint: "text",
  websocketEndpoint: "text",
  createdAt: "integer",
});

export async function insertPeer(db: Db, peer: Peer): Promise<void> {
  await db("peers").insert(codec.toRow(peer));
}

/** All kinds. */
export async function listPeers(db: Db, account: AccountId): Promise<Peer[]> {
  return (await db("peers").where({ account_id: account }).orderBy("created_at").orderBy("id")).map(
    codec.fromRow,
  );
}

/** Those of `ids` that are peers of the account. */
export async function findPeers(db: Db, account: AccountId, ids: readonly string[]): Promise<Peer[]> {
  if (ids.length === 0) return [];
  const rows = await db("peers")
    .where({ account_id: account })
    .whereIn("id", [...ids]);
  return rows.map(codec.fromRow);
}

export async function getPeer(db: Db, account: AccountId, id: string): Promise<Peer | undefined> {
  const row = await db("peers").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function findPeerByPublicKey(
  db: Db,
  account: AccountId,
  publicKey: string,
): Promise<Peer | undefined> {
  const row = await db("peers").where({ account_id: account, public_key: publicKey }).first();
  return row && codec.fromRow(row);
}

/** Not scoped to an account: the token is what names it. */
export async function findPeerByAgentToken(db: Db, agentTokenHash: string): Promise<Peer | undefined> {
  const row = await db("peers").where({ agent_token_hash: agentTokenHash }).first();
  return row && codec.fromRow(row);
}

/** The peer that stands for one proxy in one account. */
export async function findProxyPeer(db: Db, account: AccountId, proxyId: string): Promise<Peer | undefined> {
  const row = await db("peers").where({ account_id: account, kind: "proxy", proxy_id: proxyId }).first();
  return row && codec.fromRow(row);
}

export async function listProxyPeers(db: Db, account: AccountId): Promise<Peer[]> {
  const rows = await db("peers").where({ account_id: account, kind: "proxy" }).orderBy("id");
  return rows.map(codec.fromRow);
}

export async function updatePeer(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<Peer>,
): Promise<void> {
  await db("peers").where({ account_id: account, id }).update(codec.toRow(change));
}

export async function deletePeer(db: Db, account: AccountId, id: string): Promise<void> {
  await db("peers").where({ account_id: account, id }).delete();
}

/** Every overlay address that is in use: of peers, and virtual ones of domain resources. */
export async function listUsedAddresses(db: Db, account: AccountId): Promise<Set<string>> {
  const peers = await db("peers").where({ account_id: account }).select("ip", "ipv6");
  const virtual = await db("network_resources")
    .where({ account_id: account })
    .whereNotNull("virtual_ip")
    .pluck("virtual_ip");
  const used = new Set<string>(virtual);
  for (const { ip, ipv6 } of peers) {
    used.add(ip);
    if (ipv6) used.add(ipv6);
  }
  return used;
}

export async function listUsedDnsLabels(db: Db, account: AccountId): Promise<Set<string>> {
  return new Set(await db("peers").where({ account_id: account }).pluck("dns_label"));
}
