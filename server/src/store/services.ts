import type { AccountId, ServiceId, ServiceTokenId, ShareLinkId } from "@netbird-proxy/proto";
import type { Knex } from "knex";
import { groupByPath, leadsTo, pathKey } from "../domain/target-path.ts";
import { newId } from "../domain/xid.ts";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export type ServiceMode = "http" | "tcp" | "udp" | "tls";
export type TargetType = "peer" | "host" | "domain" | "subnet" | "cluster";

/** Secrets are argon2id in PHC form. A member is present when it was sent, enabled or not. */
export interface StoredAuth {
  password?: { enabled: boolean; hash: string };
  pin?: { enabled: boolean; hash: string };
  bearer?: { enabled: boolean; groups: string[] };
  headers?: { enabled: boolean; header: string; hash: string }[];
  /** Go durations in canonical form; a day, and never, when not there. */
  sessionLength?: string;
  sessionIdleTime?: string;
  /** Base64. With it proxies tell each other when a session was used; worth nothing without the session itself. */
  sessionIdleKey?: string;
  /** Targets are told who the visitor is with a signed token. */
  identityToken?: true;
  token?: { enabled: boolean };
  shareLink?: { enabled: boolean };
  /** PEM. */
  clientCertificate?: { enabled: boolean; authorities: string };
}

/** What lets somebody in and is not part of the service's own configuration. Hashes are from `hashToken`. */
export interface StoredGrants {
  tokens: StoredServiceToken[];
  links: StoredShareLink[];
}

interface StoredGrant {
  name: string;
  hash: string;
  createdAt: number;
  createdBy: string;
}

export interface StoredServiceToken extends StoredGrant {
  id: ServiceTokenId;
  /** Null: never. */
  expiresAt: number | null;
}

export interface StoredShareLink extends StoredGrant {
  id: ShareLinkId;
  /** Path and query that it leads to. */
  path: string;
  /** 0: any number. */
  maxUses: number;
  expiresAt: number;
}

export interface StoredRestrictions {
  allowedCidrs: string[];
  blockedCidrs: string[];
  /** Upper-case, two letters. */
  allowedCountries: string[];
  blockedCountries: string[];
  crowdsecMode: "off" | "enforce" | "observe" | null;
  /** Null, or absent in rows that are older: enforce. */
  cidrMode?: "enforce" | "observe" | null;
  countryMode?: "enforce" | "observe" | null;
  requestRate?: StoredRequestRate | null;
}

export interface StoredRequestRate {
  perMinute: number;
  /** Null: as many as per minute. */
  burst: number | null;
  mode: "enforce" | "observe" | null;
}

/** What holds for some paths, methods and headers of a service. In order; the first that matches decides. */
export interface StoredAccessRule {
  /** Exactly this path; or {@link pathPrefix}: and everything below it. One of the two is null. */
  path: string | null;
  pathPrefix: string | null;
  /** Upper case; empty: every method. */
  methods: string[];
  /** A value of null: the header only has to be there. */
  header: { name: string; value: string | null } | null;
  action: "allow" | "deny" | "require";
  /** Any one of these; empty unless the action is `require`. */
  require: ("password" | "pin" | "sso" | "header" | "token" | "certificate" | "share_link")[];
  /** Null means enforce. */
  mode: "enforce" | "observe" | null;
}

/** Only what was set. Durations are Go durations in canonical form, such as `1m0s`. */
export interface StoredTargetOptions {
  skipTlsVerify?: boolean;
  requestTimeout?: string;
  sessionIdleTimeout?: string;
  pathRewrite?: "preserve";
  customHeaders?: Record<string, string>;
  proxyProtocol?: boolean;
  directUpstream?: boolean;
}

export interface StoredTarget {
  /** Place in the service, from 0; the order of the request. */
  position: number;
  targetId: string;
  targetType: TargetType;
  protocol: string;
  /** As it was sent; what counts for peer, host and domain targets is looked up. */
  host: string;
  /** 0: the default port of the protocol. */
  port: number;
  /** Null when it was not sent, which means `/`. */
  path: string | null;
  enabled: boolean;
  options: StoredTargetOptions;
}

export interface ServiceColumns {
  id: ServiceId;
  accountId: AccountId;
  name: string;
  /** As it was written; {@link domainKey} is its lower case. */
  domain: string;
  domainKey: string;
  mode: ServiceMode;
  /** 0 for http. */
  listenPort: number;
  portAutoAssigned: boolean;
  proxyCluster: string;
  enabled: boolean;
  terminated: boolean;
  private: boolean;
  /** The user said that it may be open to everybody. */
  public: boolean;
  passHostHeader: boolean;
  rewriteRedirects: boolean;
  auth: StoredAuth;
  grants: StoredGrants;
  accessRestrictions: StoredRestrictions | null;
  accessRules: StoredAccessRule[];
  accessGroups: string[];
  /** Ed25519: standard base64 of the raw 32 bytes. */
  sessionPublicKey: string;
  /** Standard base64 of seed and public key (64 bytes), sealed with purpose {@link SESSION_KEY_PURPOSE}. */
  sessionPrivateKey: string;
  /** Null: as old as the service. */
  sessionKeyMadeAt: number | null;
  /** Keys that still verify sessions, the newest first. */
  formerSessionKeys: { publicKey: string; untilMs: number }[];
  /** How often all sessions of the service were ended. */
  sessionEpoch: number;
  /** `permanent` or `ephemeral`. */
  source: string;
  sourcePeer: string | null;
  certificateIssuedAt: number | null;
  /** Revision of the log at which it changed last. */
  revision: number;
  createdAt: number;
  updatedAt: number;
}

export interface StoredService extends ServiceColumns {
  targets: StoredTarget[];
}

export const SESSION_KEY_PURPOSE = "service.session_key";

const codec = rowCodec<ServiceColumns>({
  id: "text",
  accountId: "text",
  name: "text",
  domain: "text",
  domainKey: "text",
  mode: "text",
  listenPort: "integer",
  portAutoAssigned: "boolean",
  proxyCluster: "text",
  enabled: "boolean",
  terminated: "boolean",
  private: "boolean",
  public: "boolean",
  passHostHeader: "boolean",
  rewriteRedirects: "boolean",
  auth: "json",
  grants: "json",
  accessRestrictions: "json",
  accessRules: "json",
  accessGroups: "json",
  sessionPublicKey: "text",
  sessionPrivateKey: "text",
  sessionKeyMadeAt: "integer",
  formerSessionKeys: "json",
  sessionEpoch: "integer",
  source: "text",
  sourcePeer: "text",
  certificateIssuedAt: "integer",
  revision: "integer",
  createdAt: "integer",
  updatedAt: "integer",
});

/** Who made a target, and when. */
export interface TargetOwner {
  /** Empty when it is older than this column. */
  ownerId: string;
  ownerName: string;
  createdAt: number;
}

export type TargetId = string & { readonly __id: "TargetId" };

/** A target as an object of its own: it keeps its id as long as the service has a target with this path. */
export interface OwnedTarget extends StoredTarget, TargetOwner {
  id: TargetId;
}

interface TargetRow extends OwnedTarget {
  serviceId: ServiceId;
  accountId: AccountId;
}

const targetCodec = rowCodec<TargetRow>({
  id: "text",
  ownerId: "text",
  ownerName: "text",
  createdAt: "integer",
  serviceId: "text",
  accountId: "text",
  position: "integer",
  targetId: "text",
  targetType: "text",
  protocol: "text",
  host: "text",
  port: "integer",
  path: "text",
  enabled: "boolean",
  options: "json",
});

export async function insertService(db: Db, service: StoredService, owner: TargetOwner): Promise<void> {
  await db("services").insert(codec.toRow(service));
  await insertTargets(db, service, [], owner);
}

/** Replaces everything, targets included; one whose path was there before keeps its id and owner. */
export async function replaceService(db: Db, service: StoredService, owner: TargetOwner): Promise<void> {
  const before = await listOwnedTargets(db, service.accountId, service.id);
  await db("services").where({ account_id: service.accountId, id: service.id }).update(codec.toRow(service));
  await db("service_targets").where({ service_id: service.id }).delete();
  await insertTargets(db, service, before, owner);
}

/** In order of position. */
export async function listOwnedTargets(
  db: Db,
  account: AccountId,
  service: ServiceId,
): Promise<OwnedTarget[]> {
  const rows = await db("service_targets")
    .where({ account_id: account, service_id: service })
    .orderBy("position");
  return rows.map((row) => {
    const { serviceId: _service, accountId: _account, ...target } = targetCodec.fromRow(row);
    return target;
  });
}

/** Changes columns and leaves the targets alone. */
export async function updateServiceColumns(
  db: Db,
  account: AccountId,
  id: ServiceId,
  change: Partial<ServiceColumns>,
): Promise<void> {
  await db("services").where({ account_id: account, id }).update(codec.toRow(change));
}

export async function deleteService(db: Db, account: AccountId, id: ServiceId): Promise<void> {
  await db("services").where({ account_id: account, id }).delete();
}

export async function getService(db: Db, account: AccountId, id: string): Promise<StoredService | undefined> {
  return (await read(db, (query) => query.where({ account_id: account, id })))[0];
}

export async function listServices(db: Db, account: AccountId): Promise<StoredService[]> {
  return read(db, (query) => query.where({ account_id: account }));
}

/** Of any account: a name belongs to one service. */
export async function findServiceByDomain(db: Db, domain: string): Promise<StoredService | undefined> {
  return (await read(db, (query) => query.where({ domain_key: domain.toLowerCase() })))[0];
}

/** What a cluster serves: of one account, or of all when `account` is null. Disabled ones included. */
export async function listServicesOfCluster(
  db: Db,
  cluster: string,
  account: AccountId | null,
): Promise<StoredService[]> {
  return read(db, (query) => {
    const inCluster = query.whereRaw("lower(proxy_cluster) = ?", [cluster.toLowerCase()]);
    return account === null ? inCluster : inCluster.where({ account_id: account });
  });
}

export async function listServicesByIds(
  db: Db,
  account: AccountId,
  ids: readonly string[],
): Promise<StoredService[]> {
  if (ids.length === 0) return [];
  return read(db, (query) => query.where({ account_id: account }).whereIn("id", [...ids]));
}

/** Of any account, the oldest first: services whose key signs sessions since before `madeBefore`. */
export async function listServicesWithOldSessionKey(
  db: Db,
  madeBefore: number,
  limit: number,
): Promise<{ accountId: AccountId; id: ServiceId }[]> {
  const rows = await db("services")
    .whereRaw("coalesce(session_key_made_at, created_at) < ?", [madeBefore])
    .orderByRaw("coalesce(session_key_made_at, created_at)")
    .orderBy("id")
    .limit(limit)
    .select("account_id", "id");
  return rows.map((row) => ({ accountId: row.account_id, id: row.id }));
}

/** Services with any target, enabled or not, that names `targetId`. */
export async function listServicesTargeting(
  db: Db,
  account: AccountId,
  targetIds: readonly string[],
): Promise<StoredService[]> {
  if (targetIds.length === 0) return [];
  const ids = await db("service_targets")
    .where({ account_id: account })
    .whereIn("target_id", [...targetIds])
    .distinct("service_id")
    .pluck("service_id");
  return listServicesByIds(db, account, ids);
}

/** Ports in use on a cluster, by any account: `{mode, listenPort, domainKey, serviceId}`. */
export async function listClusterPorts(
  db: Db,
  cluster: string,
): Promise<{ id: string; mode: ServiceMode; listenPort: number; domainKey: string }[]> {
  const rows = await db("services")
    .whereRaw("lower(proxy_cluster) = ?", [cluster.toLowerCase()])
    .whereNot({ listen_port: 0 })
    .select("id", "mode", "listen_port", "domain_key");
  return rows.map((row) => ({
    id: row.id,
    mode: row.mode,
    listenPort: Number(row.listen_port),
    domainKey: row.domain_key,
  }));
}

async function insertTargets(
  db: Db,
  service: StoredService,
  before: readonly OwnedTarget[],
  owner: TargetOwner,
): Promise<void> {
  const known = knownTargets(before, service.targets);
  if (service.targets.length === 0) return;
  const rows = service.targets.map((target) => {
    const { id, ownerId, ownerName, createdAt } = known.get(target) ?? {
      id: newId<TargetId>(),
      ...owner,
    };
    return targetCodec.toRow({
      ...target,
      id,
      ownerId,
      ownerName,
      createdAt,
      serviceId: service.id,
      accountId: service.accountId,
    });
  });
  // SQLite takes at most 32,766 bound values per statement.
  for (let at = 0; at < rows.length; at += 500) {
    await db("service_targets").insert(rows.slice(at, at + 500));
  }
}

/** Who each target was before: the one of its path that led to the same place, or else one that leads there no more. */
function knownTargets(
  before: readonly OwnedTarget[],
  now: readonly StoredTarget[],
): Map<StoredTarget, OwnedTarget> {
  const known = new Map<StoredTarget, OwnedTarget>();
  const left = groupByPath(before);
  for (const isSame of [leadsTo, () => true]) {
    for (const target of now) {
      if (known.has(target)) continue;
      const candidates = left.get(pathKey(target.path)) ?? [];
      const at = candidates.findIndex((one) => isSame(one, target));
      if (at >= 0) known.set(target, candidates.splice(at, 1)[0]!);
    }
  }
  return known;
}

type ServiceQuery = Knex.QueryBuilder;

/** Two queries for any number of services. */
async function read(db: Db, narrow: (query: ServiceQuery) => ServiceQuery): Promise<StoredService[]> {
  const rows = await narrow(db("services").select("services.*")).orderBy("created_at").orderBy("id");
  const services = (rows as Record<string, unknown>[]).map(codec.fromRow);
  if (services.length === 0) return [];
  const targetRows = await db("service_targets")
    .whereIn("service_id", narrow(db("services").select("id")))
    .orderBy("service_id")
    .orderBy("position");
  const byService = new Map<string, StoredTarget[]>();
  for (const row of targetRows) {
    const { serviceId, accountId: _account, id: _id, ownerId: _owner, ...rest } = targetCodec.fromRow(row);
    const { ownerName: _name, createdAt: _created, ...target } = rest;
    const list = byService.get(serviceId);
    if (list) list.push(target);
    else byService.set(serviceId, [target]);
  }
  return services.map((service) => ({ ...service, targets: byService.get(service.id) ?? [] }));
}
