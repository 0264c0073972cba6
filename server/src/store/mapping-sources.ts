import type { AccountId, ServiceId } from "@netbird-proxy/proto";
import type { NetworkResource } from "./network-resources.ts";
import type { Peer } from "./peers.ts";
import type { StoredAccessRule, StoredService } from "./services.ts";
import type { Db } from "./transaction.ts";

/** What targets point at, by id. */
export interface TargetDirectoryRows {
  peers: Map<string, Pick<Peer, "ip">>;
  resources: Map<string, Pick<NetworkResource, "address" | "type">>;
}

// SQLite takes at most 32,766 bound values per statement.
const IDS_PER_QUERY = 1_000;

/** The peers and resources that the targets of `services` name, in as many queries as there are thousands of them. */
export async function readTargetDirectory(
  db: Db,
  services: readonly StoredService[],
): Promise<TargetDirectoryRows> {
  const peerIds = new Set<string>();
  const resourceIds = new Set<string>();
  for (const { targets } of services) {
    for (const { targetType, targetId } of targets) {
      if (targetType === "peer") peerIds.add(targetId);
      else if (targetType !== "cluster") resourceIds.add(targetId);
    }
  }
  const directory: TargetDirectoryRows = { peers: new Map(), resources: new Map() };
  for (const ids of chunks([...peerIds])) {
    for (const { id, ip } of await db("peers").whereIn("id", ids).select("id", "ip")) {
      directory.peers.set(id, { ip });
    }
  }
  for (const ids of chunks([...resourceIds])) {
    const rows = await db("network_resources").whereIn("id", ids).select("id", "address", "type");
    for (const { id, address, type } of rows) directory.resources.set(id, { address, type });
  }
  return directory;
}

/** As much of a service as decides who may be told about it. */
export interface ServiceHead {
  id: ServiceId;
  accountId: AccountId;
  domain: string;
  mode: string;
  listenPort: number;
  proxyCluster: string;
  enabled: boolean;
  terminated: boolean;
  private: boolean;
  accessRules: StoredAccessRule[];
  revision: number;
}

const headColumns = [
  "id",
  "account_id",
  "domain",
  "mode",
  "listen_port",
  "proxy_cluster",
  "enabled",
  "terminated",
  "private",
  "access_rules",
  "revision",
];

/** Every service of a cluster, disabled ones included; of one account, or of all when `account` is null. */
export async function listServiceHeadsOfCluster(
  db: Db,
  cluster: string,
  account: AccountId | null,
): Promise<ServiceHead[]> {
  const query = db("services")
    .whereRaw("lower(proxy_cluster) = ?", [cluster.toLowerCase()])
    .select(headColumns);
  return (await (account === null ? query : query.where({ account_id: account }))).map(headOf);
}

/** Of any account; ids that do not exist are missing in the answer. */
export async function listServiceHeads(db: Db, ids: readonly string[]): Promise<ServiceHead[]> {
  const heads: ServiceHead[] = [];
  for (const some of chunks(ids)) {
    heads.push(...(await db("services").whereIn("id", some).select(headColumns)).map(headOf));
  }
  return heads;
}

function headOf(row: Record<string, unknown>): ServiceHead {
  return {
    id: row.id as ServiceId,
    accountId: row.account_id as AccountId,
    domain: String(row.domain),
    mode: String(row.mode),
    listenPort: Number(row.listen_port),
    proxyCluster: String(row.proxy_cluster),
    enabled: Boolean(row.enabled),
    terminated: Boolean(row.terminated),
    private: Boolean(row.private),
    accessRules: JSON.parse(String(row.access_rules)),
    revision: Number(row.revision),
  };
}

function* chunks<T>(values: readonly T[]): Generator<T[]> {
  for (let at = 0; at < values.length; at += IDS_PER_QUERY) yield values.slice(at, at + IDS_PER_QUERY);
}
