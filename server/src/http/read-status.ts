import type { AccountId } from "@netbird-proxy/proto";
import type { CommandContext } from "../commands/context.ts";
import type { ServiceReport } from "../domain/service-report.ts";
import { type FoldedReport, type FoldedStatus, foldStatus } from "../domain/status-fold.ts";
import { isActive, listVisibleProxies, type Proxy as ProxyRow } from "../store/proxies.ts";
import { listServiceReports } from "../store/service-reports.ts";
import type { StoredService } from "../store/services.ts";

export interface ServiceStatus extends FoldedStatus {
  /** Where visitors reach the main listener of the cluster's proxies; 0 means 443. */
  publicHttpsPort: number;
}

/** The status of each service, from what its cluster's proxies reported. Two queries for any number of services. */
export async function readStatuses(
  { store, nowMs }: CommandContext,
  account: AccountId,
  services: readonly StoredService[],
): Promise<ReadonlyMap<string, ServiceStatus>> {
  const now = nowMs();
  const proxies = groupBy(await listVisibleProxies(store.db, account), (proxy) =>
    proxy.cluster.toLowerCase(),
  );
  // Asking for thousands by id would exceed what one statement can bind.
  const ids = services.length > 200 ? undefined : services.map(({ id }) => id);
  const reports = groupBy(await listServiceReports(store.db, account, ids), ({ serviceId }) => serviceId);
  return new Map(
    services.map((service) => {
      const clusterProxies = proxies.get(service.proxyCluster.toLowerCase()) ?? [];
      const said = (reports.get(service.id) ?? []).map(
        ({ proxyId, report, servingRevision, reportedAt }): FoldedReport => ({
          proxyId,
          report: report as ServiceReport,
          servingRevision,
          reportedAt,
        }),
      );
      const folded = foldStatus({ service, clusterProxies, reports: said, nowMs: now });
      return [service.id, { ...folded, publicHttpsPort: publicPort(clusterProxies, now) }];
    }),
  );
}

/** Of a proxy that is there; of one that was, when none is. */
function publicPort(proxies: readonly ProxyRow[], nowMs: number): number {
  return (proxies.find((proxy) => isActive(proxy, nowMs)) ?? proxies[0])?.publicHttpsPort ?? 0;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
