import type { AccountId, PeerId, ProxyId, ProxyTokenId, ServiceId } from "@netbird-proxy/proto";
import type { CertificateAlertKind } from "../domain/certificate-alert.ts";
import type { ProxyToken } from "./proxy-tokens.ts";
import type { Db } from "./transaction.ts";

// SQLite takes at most 32,766 bound values per statement, and 500 rows per insert.
const IDS_PER_QUERY = 1_000;
const ROWS_PER_INSERT = 500;

function* chunks<T>(values: readonly T[], size = IDS_PER_QUERY): Generator<T[]> {
  for (let at = 0; at < values.length; at += size) yield values.slice(at, at + size);
}

/** Which of the tokens are there and neither revoked nor expired. */
export async function listUsableProxyTokens(
  db: Db,
  ids: readonly ProxyTokenId[],
  nowMs: number,
): Promise<Set<ProxyTokenId>> {
  const usable = new Set<ProxyTokenId>();
  for (const some of chunks(ids)) {
    const rows: Pick<ProxyToken, "id">[] = await db("proxy_tokens")
      .whereIn("id", some)
      .where({ revoked: false })
      .where((query) => query.whereNull("expires_at").orWhere("expires_at", ">", nowMs))
      .select("id");
    for (const { id } of rows) usable.add(id);
  }
  return usable;
}

/** No stream of agents or proxies survives a restart of the only server. */
export async function markAllPeersDisconnected(db: Db): Promise<void> {
  await db("peers")
    .whereIn("kind", ["agent", "proxy"])
    .where({ connected: true })
    .update({ connected: false });
}

/** Peers with a stream are touched every minute, by whichever server has it. */
export async function markSilentStreamsDisconnected(db: Db, silentSinceMs: number): Promise<void> {
  await db("peers")
    .whereIn("kind", ["agent", "proxy"])
    .where({ connected: true })
    .where("last_seen", "<", silentSinceMs)
    .update({ connected: false });
}

/** The stream of a peer is over. Nothing changes when another one, perhaps on another server, was seen after `seenMs`. */
export async function markPeerGone(
  db: Db,
  account: AccountId,
  id: PeerId,
  { seenMs, nowMs }: { seenMs: number; nowMs: number },
): Promise<void> {
  await db("peers")
    .where({ account_id: account, id })
    .where("last_seen", "<=", seenMs)
    .update({ connected: false, last_seen: nowMs });
}

/** A sign of life of peers that hold a stream. */
export async function touchPeers(db: Db, ids: readonly PeerId[], nowMs: number): Promise<void> {
  for (const some of chunks(ids)) {
    await db("peers").whereIn("id", some).update({ connected: true, last_seen: nowMs });
  }
}

export interface PeerSighting {
  peerId: string;
  handshakeMs: number;
  /** host:port; empty when it is not known. */
  endpoint: string;
}

/**
 * Notes the newest handshakes that a proxy saw. A stock WireGuard device has no stream, so a handshake is its sign of
 * life; `connectedAfterMs` is the oldest one that still counts.
 */
export async function noteHandshakes(
  db: Db,
  account: AccountId,
  sightings: readonly PeerSighting[],
  connectedAfterMs: number,
): Promise<void> {
  for (const { peerId, handshakeMs, endpoint } of sightings) {
    await db("peers")
      .where({ account_id: account, id: peerId })
      .whereNot({ kind: "proxy" })
      .where((query) => query.whereNull("latest_handshake").orWhere("latest_handshake", "<", handshakeMs))
      .update({ latest_handshake: handshakeMs });
    if (handshakeMs <= connectedAfterMs) continue;
    const change: Record<string, unknown> = { connected: true };
    if (endpoint !== "") change.connection_ip = endpoint.slice(0, 64);
    await db("peers").where({ account_id: account, id: peerId, kind: "wireguard" }).update(change);
    await db("peers")
      .where({ account_id: account, id: peerId, kind: "wireguard" })
      .where("last_seen", "<", handshakeMs)
      .update({ last_seen: handshakeMs });
  }
}

/** Stock devices that have not shaken hands with any proxy since. */
export async function markSilentDevicesDisconnected(db: Db, silentSinceMs: number): Promise<void> {
  await db("peers")
    .where({ kind: "wireguard", connected: true })
    .where((query) => query.whereNull("latest_handshake").orWhere("latest_handshake", "<", silentSinceMs))
    .update({ connected: false });
}

/** Ephemeral peers that are gone since `beforeMs` and that no target or router names. */
export async function listAbandonedPeers(
  db: Db,
  beforeMs: number,
): Promise<{ id: PeerId; accountId: AccountId; name: string; ip: string }[]> {
  const rows = await db("peers as p")
    .where({ "p.ephemeral": true, "p.connected": false })
    .where("p.last_seen", "<", beforeMs)
    .whereNotExists(db("service_targets as t").whereRaw("t.target_id = p.id").select(db.raw("1")))
    .whereNotExists(db("network_routers as r").whereRaw("r.peer_id = p.id").select(db.raw("1")))
    .limit(500)
    .select("p.id", "p.account_id", "p.name", "p.ip");
  return rows.map((row) => ({ id: row.id, accountId: row.account_id, name: row.name, ip: row.ip }));
}

/** Drops what a proxy said about services that are not in `kept`; everything when nothing is kept. */
export async function deleteServiceReports(
  db: Db,
  proxy: ProxyId,
  kept: ReadonlySet<string> = new Set(),
): Promise<void> {
  const known: string[] = await db("service_reports").where({ proxy_id: proxy }).pluck("service_id");
  for (const some of chunks(known.filter((id) => !kept.has(id)))) {
    await db("service_reports").where({ proxy_id: proxy }).whereIn("service_id", some).delete();
  }
}

export interface ServiceReportRow {
  proxyId: ProxyId;
  serviceId: ServiceId;
  accountId: AccountId;
  report: unknown;
  certificateAlert: CertificateAlertKind | null;
  servingRevision: number;
  reportedAt: number;
}

/** Many at once. Reports about services that are gone must have been left out. */
export async function saveServiceReports(db: Db, rows: readonly ServiceReportRow[]): Promise<void> {
  for (const some of chunks(rows, ROWS_PER_INSERT)) {
    await db("service_reports")
      .insert(
        some.map((row) => ({
          proxy_id: row.proxyId,
          service_id: row.serviceId,
          account_id: row.accountId,
          report: JSON.stringify(row.report),
          certificate_alert: row.certificateAlert,
          serving_revision: row.servingRevision,
          reported_at: row.reportedAt,
        })),
      )
      .onConflict(["proxy_id", "service_id"])
      .merge();
  }
}
