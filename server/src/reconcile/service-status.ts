import type { AccountId } from "@netbird-proxy/proto";
import type { ServiceReport } from "../domain/service-report.ts";
import { type FoldedReport, type FoldedStatus, foldedCluster, foldStatus } from "../domain/status-fold.ts";
import { listProxyPeers, type Peer } from "../store/peers.ts";
import { isActive, listVisibleProxies, type Proxy as ProxyRow } from "../store/proxies.ts";
import { listServiceReports, type StoredServiceReport } from "../store/service-reports.ts";
import { listServices, listServicesByIds, type StoredService } from "../store/services.ts";
import type { Db } from "../store/transaction.ts";
import { PROXY_KNOWN_MS } from "./account-overlay.ts";

export interface ServiceStatus extends FoldedStatus {
  /** Where visitors reach the main listener of the cluster's proxies; 0 means 443. */
  publicHttpsPort: number;
  /** A connected proxy that has no CrowdSec, or does not say so; undefined when all have it. */
  withoutCrowdsec: string | undefined;
  /** A connected proxy that lets no peers in, or does not say so; undefined when all do. */
  withoutPrivate: string | undefined;
  /** Where peers reach the cluster's proxies in the account's overlay: IPv4, then IPv6. */
  privateAddresses: readonly string[];
}

// Above this it is cheaper to read the account's reports than to name the services.
const MAX_NAMED = 500;

/**
 * The status of services of one account, by id.
 * @param serviceIds undefined: all of them; ids that do not exist are missing in the answer
 */
export async function readServiceStatuses(
  db: Db,
  account: AccountId,
  serviceIds: readonly string[] | undefined,
  nowMs: number,
): Promise<Map<string, ServiceStatus>> {
  const services =
    serviceIds === undefined
      ? await listServices(db, account)
      : await listServicesByIds(db, account, serviceIds);
  return foldServiceStatuses(db, account, services, nowMs);
}

/** The same for services that are at hand: two queries for any number of them. */
export async function foldServiceStatuses(
  db: Db,
  account: AccountId,
  services: readonly StoredService[],
  nowMs: number,
): Promise<Map<string, ServiceStatus>> {
  if (services.length === 0) return new Map();
  const named = services.length <= MAX_NAMED ? services.map(({ id }) => id) : undefined;
  const reports = groupBy(await listServiceReports(db, account, named), ({ serviceId }) => serviceId);
  const proxyPeers = services.some((service) => service.private)
    ? (await listProxyPeers(db, account)).filter(({ lastSeen }) => nowMs - lastSeen < PROXY_KNOWN_MS)
    : [];
  const joined = new Set(proxyPeers.flatMap(({ proxyId }) => proxyId ?? []));
  const rows = groupBy(await listVisibleProxies(db, account), ({ cluster }: ProxyRow) =>
    cluster.toLowerCase(),
  );
  const clusters = new Map(
    [...rows].map(([name, proxies]) => [
      name,
      {
        cluster: foldedCluster(proxies, nowMs, joined),
        publicHttpsPort: publicPort(proxies, nowMs),
        withoutCrowdsec: proxies.find(
          (proxy) => isActive(proxy, nowMs) && proxy.capabilities.supportsCrowdsec !== true,
        )?.id,
        withoutPrivate: proxies.find((proxy) => isActive(proxy, nowMs) && proxy.capabilities.private !== true)
          ?.id,
        privateAddresses: privateAddresses(proxyPeers, proxies),
      },
    ]),
  );
  const none = {
    cluster: foldedCluster([], nowMs),
    publicHttpsPort: 0,
    withoutCrowdsec: undefined,
    withoutPrivate: undefined,
    privateAddresses: [],
  };
  return new Map(
    services.map((service) => {
      const { cluster, ...more } = clusters.get(service.proxyCluster.toLowerCase()) ?? none;
      const said = (reports.get(service.id) ?? []).map(folded);
      const status = foldStatus({ service, cluster, reports: said, nowMs });
      // A copy would work out the details of every proxy.
      return [service.id, Object.assign(status, more)];
    }),
  );
}

/** Those that agents are told too, so that a proxy that restarts keeps its DNS record. */
function privateAddresses(peers: readonly Peer[], proxies: readonly ProxyRow[]): string[] {
  const open = new Set<string>(
    proxies.filter(({ capabilities }) => capabilities.private).map(({ id }) => id),
  );
  const addressed = peers.filter(({ proxyId }) => proxyId !== null && open.has(proxyId));
  return [...addressed.map(({ ip }) => ip).sort(), ...addressed.flatMap(({ ipv6 }) => ipv6 ?? []).sort()];
}

/** Of a proxy that is there; of one that was, when none is. */
function publicPort(proxies: readonly ProxyRow[], nowMs: number): number {
  return (proxies.find((proxy) => isActive(proxy, nowMs)) ?? proxies[0])?.publicHttpsPort ?? 0;
}

function folded({ proxyId, report, servingRevision, reportedAt }: StoredServiceReport): FoldedReport {
  return { proxyId, report: report as ServiceReport, servingRevision, reportedAt };
}

function groupBy<T>(values: readonly T[], key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}
