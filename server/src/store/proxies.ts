import type { AccountId, ProxyId, ProxyTokenId } from "@netbird-proxy/proto";
import type { AcmeReport } from "../domain/acme-report.ts";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** Absent is not false: a proxy that said nothing is told apart from one that cannot. */
export interface ProxyCapabilities {
  supportsCustomPorts?: boolean;
  requireSubdomain?: boolean;
  supportsCrowdsec?: boolean;
  private?: boolean;
  supportsPrivateService?: boolean;
  /** Ours. */
  supportsAccessRules?: boolean;
}

export interface Proxy {
  id: ProxyId;
  /** Null: shared by every account. */
  accountId: AccountId | null;
  tokenId: ProxyTokenId;
  /** The address that the proxy announced, as it was written. */
  cluster: string;
  sessionId: string;
  version: string;
  ip: string;
  connected: boolean;
  connectedAt: number;
  lastSeen: number;
  capabilities: ProxyCapabilities;
  /** Null: it orders no certificates, or does not say. */
  acme: AcmeReport | null;
  /** Newest revision that the proxy confirmed; 0 when it never did. */
  appliedRevision: number;
  /** host:port, empty when it offers none. */
  wireguardEndpoint: string;
  websocketEndpoint: string;
  /** Where visitors reach the main listener; 0 means 443. */
  publicHttpsPort: number;
}

/** A proxy without a sign of life for this long is not active, whatever its row says. */
export const PROXY_ACTIVE_MS = 2 * 60_000;
/** Rows of proxies that have been silent for this long are deleted. */
export const PROXY_FORGOTTEN_MS = 60 * 60_000;

const codec = rowCodec<Proxy>({
  id: "text",
  accountId: "text",
  tokenId: "text",
  cluster: "text",
  sessionId: "text",
  version: "text",
  ip: "text",
  connected: "boolean",
  connectedAt: "integer",
  lastSeen: "integer",
  capabilities: "json",
  acme: "json",
  appliedRevision: "integer",
  wireguardEndpoint: "text",
  websocketEndpoint: "text",
  publicHttpsPort: "integer",
});

export async function saveProxy(db: Db, proxy: Proxy): Promise<void> {
  await db("proxies").insert(codec.toRow(proxy)).onConflict("id").merge();
}

export async function getProxy(db: Db, id: string): Promise<Proxy | undefined> {
  const row = await db("proxies").where({ id }).first();
  return row && codec.fromRow(row);
}

/** Every proxy, online or not, ordered by id. */
export async function listAllProxies(db: Db): Promise<Proxy[]> {
  return (await db("proxies").orderBy("id")).map(codec.fromRow);
}

/** What one account may see: its own proxies and the shared ones. */
export async function listVisibleProxies(db: Db, account: AccountId): Promise<Proxy[]> {
  const rows = await db("proxies")
    .where((query) => query.where({ account_id: account }).orWhereNull("account_id"))
    .orderBy("id");
  return rows.map(codec.fromRow);
}

/** Any owner, online or not; the comparison ignores case. */
export async function listProxiesOfCluster(db: Db, cluster: string): Promise<Proxy[]> {
  const rows = await db("proxies").whereRaw("lower(cluster) = ?", [cluster.toLowerCase()]).orderBy("id");
  return rows.map(codec.fromRow);
}

/** Changes the row only while `sessionId` is still the current one. @returns false when it is not */
export async function updateProxySession(
  db: Db,
  id: ProxyId,
  sessionId: string,
  change: Partial<Proxy>,
): Promise<boolean> {
  return (await db("proxies").where({ id, session_id: sessionId }).update(codec.toRow(change))) > 0;
}

/** Streams that are over, or that another one replaced, change nothing. */
export async function noteAppliedRevision(
  db: Db,
  sessionIds: readonly string[],
  appliedRevision: number,
): Promise<void> {
  await db("proxies")
    .whereIn("session_id", [...sessionIds])
    .where("applied_revision", "<", appliedRevision)
    .update({ applied_revision: appliedRevision });
}

export async function updateProxy(db: Db, id: ProxyId, change: Partial<Proxy>): Promise<void> {
  await db("proxies").where({ id }).update(codec.toRow(change));
}

/** @returns how many rows of the account there were; shared rows are never touched */
export async function deleteProxiesOfCluster(db: Db, account: AccountId, cluster: string): Promise<number> {
  return db("proxies")
    .where({ account_id: account })
    .whereRaw("lower(cluster) = ?", [cluster.toLowerCase()])
    .delete();
}

export async function deleteForgottenProxies(db: Db, nowMs: number): Promise<number> {
  return db("proxies")
    .where("last_seen", "<", nowMs - PROXY_FORGOTTEN_MS)
    .delete();
}

/** No stream survives a restart of the only server. */
export async function markAllProxiesDisconnected(db: Db): Promise<void> {
  await db("proxies").where({ connected: true }).update({ connected: false });
}

export function isActive(proxy: Proxy, nowMs: number): boolean {
  return proxy.connected && nowMs - proxy.lastSeen < PROXY_ACTIVE_MS;
}
