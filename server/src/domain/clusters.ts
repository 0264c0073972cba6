import type { AccountId } from "@netbird-proxy/proto";
import { isActive, type ProxyCapabilities, type Proxy as ProxyRow } from "../store/proxies.ts";

/** The proxies that share an address, as one account sees them. */
export interface Cluster {
  id: string;
  /** As the first proxy wrote it. */
  address: string;
  type: "account" | "shared";
  online: boolean;
  /** Connected and seen lately. */
  active: ProxyRow[];
  capabilities: ProxyCapabilities;
}

/** Groups visible proxies (online or not) by address. Own clusters come first, then in order of address. */
export function clustersOf(proxies: readonly ProxyRow[], account: AccountId, nowMs: number): Cluster[] {
  const byAddress = new Map<string, ProxyRow[]>();
  for (const proxy of proxies) {
    if (proxy.accountId !== null && proxy.accountId !== account) continue;
    const key = proxy.cluster.toLowerCase();
    const rows = byAddress.get(key);
    if (rows) rows.push(proxy);
    else byAddress.set(key, [proxy]);
  }
  const clusters = [...byAddress.values()].map((rows): Cluster => {
    const sorted = [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
    const active = sorted.filter((proxy) => isActive(proxy, nowMs));
    return {
      id: sorted[0]!.id,
      address: sorted[0]!.cluster,
      type: rows.some(({ accountId }) => accountId === account) ? "account" : "shared",
      online: active.length > 0,
      active,
      capabilities: foldCapabilities(active),
    };
  });
  return clusters.sort((a, b) =>
    a.type === b.type ? (a.address < b.address ? -1 : 1) : a.type === "account" ? -1 : 1,
  );
}

/** A cluster can what any of its active proxies can; CrowdSec only counts when all of them have it. */
function foldCapabilities(active: readonly ProxyRow[]): ProxyCapabilities {
  const any = (name: keyof ProxyCapabilities) => {
    const reported = active
      .map(({ capabilities }) => capabilities[name])
      .filter((value) => value !== undefined);
    return reported.length === 0 ? undefined : reported.includes(true);
  };
  const crowdsec = active.map(({ capabilities }) => capabilities.supportsCrowdsec);
  return {
    supportsCustomPorts: any("supportsCustomPorts"),
    requireSubdomain: any("requireSubdomain"),
    private: any("private"),
    supportsPrivateService: any("supportsPrivateService"),
    supportsCrowdsec: crowdsec.every((value) => value === undefined)
      ? undefined
      : crowdsec.every((value) => value === true),
  };
}

/** Clusters that a new service or custom domain may use. */
export function usableClusters(proxies: readonly ProxyRow[], account: AccountId, nowMs: number): Cluster[] {
  return clustersOf(proxies, account, nowMs).filter(({ online }) => online);
}
