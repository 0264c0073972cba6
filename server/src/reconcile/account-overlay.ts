import type { AccountId } from "@netbird-proxy/proto";
import type { agent, control } from "@netbird-proxy/proto/grpc";
import { contains, parseAddress, parseNetwork } from "../domain/ip-network.ts";
import type { SecretBox } from "../secrets/secret-box.ts";
import type { OverlayPeer, OverlayResource, OverlayRows, OverlayTarget } from "../store/overlay-sources.ts";
import { PRESHARED_KEY_PURPOSE } from "../store/peers.ts";
import { effectivePort } from "./build-mapping.ts";
import { tunnelIdentities } from "./tunnel-identities.ts";

/** Agents keep their tunnel to a proxy that the server has not heard of for this long: data outlives control. */
export const PROXY_KNOWN_MS = 24 * 3_600_000;

/** One account's tunnels as of one revision, from which every proxy's and agent's state is cut. */
export interface AccountOverlay {
  readonly accountId: AccountId;
  readonly revision: number;
  peer(id: string): OverlayPeer | undefined;
  /** @returns undefined when the peer is gone */
  tunnelState(proxyPeerId: string): control.TunnelState | undefined;
  /** @returns undefined when the peer is gone */
  agentState(agentPeerId: string): agent.AgentState | undefined;
}

export function buildOverlay(rows: OverlayRows, secrets: SecretBox, nowMs: number): AccountOverlay {
  const peers = new Map<string, OverlayPeer>(rows.peers.map((peer) => [peer.id, peer]));
  const presharedKeys = new Map<string, string>();
  const presharedKeyOf = ({ id, presharedKey }: OverlayPeer): string => {
    if (presharedKey === null) return "";
    let key = presharedKeys.get(id);
    if (key === undefined) {
      key = secrets.open(presharedKey, PRESHARED_KEY_PURPOSE);
      presharedKeys.set(id, key);
    }
    return key;
  };
  const proxies = rows.peers.filter(
    (peer) => peer.kind === "proxy" && peer.proxyId !== null && nowMs - peer.lastSeen < PROXY_KNOWN_MS,
  );
  const dialable = proxies.filter((peer) => peer.wireguardEndpoint || peer.websocketEndpoint);
  const routersOf = routersByNetwork(rows, peers);
  const routes = rows.resources.flatMap((resource): (control.TunnelRoute & { networkId: string })[] => {
    const prefix = routePrefix(resource);
    if (prefix === undefined) return [];
    const domain = resource.type === "domain" ? resource.address : "";
    const routers = (routersOf.get(resource.networkId) ?? []).filter(
      // A stock device cannot map the virtual address to a name.
      ({ peerId }) => domain === "" || peers.get(peerId)?.kind === "agent",
    );
    return [{ resourceId: resource.id, prefix, domain, routers, networkId: resource.networkId }];
  });
  const rules = accessRules(rows, proxies, routes, peers);
  const identities = tunnelIdentities(rows);
  // The same for every proxy of the account.
  const tunnelPeers = rows.peers
    .filter(({ kind }) => kind !== "proxy")
    .map((peer) => ({
      peerId: peer.id,
      name: peer.name,
      publicKey: peer.publicKey,
      presharedKey: presharedKeyOf(peer),
      allowedIps: ownAddresses(peer),
      endpoint: peer.wireguardEndpoint ?? "",
      identity: identities.of(peer),
    }));
  const tunnelRoutes = routes.map(({ networkId: _, ...route }) => route);

  return {
    accountId: rows.accountId,
    revision: rows.revision,
    peer: (id) => peers.get(id),
    tunnelState(proxyPeerId) {
      const own = peers.get(proxyPeerId);
      if (own?.kind !== "proxy") return undefined;
      return {
        accountId: rows.accountId,
        revision: BigInt(rows.revision),
        address: own.ip,
        addressV6: own.ipv6 ?? "",
        peers: tunnelPeers,
        routes: tunnelRoutes,
        groups: identities.groups,
      };
    },
    agentState(agentPeerId) {
      const own = peers.get(agentPeerId);
      if (own?.kind !== "agent") return undefined;
      return {
        revision: BigInt(rows.revision),
        peerId: own.id,
        name: own.name,
        address: own.ip,
        addressV6: own.ipv6 ?? "",
        proxies: dialable.map((proxy) => ({
          peerId: proxy.id,
          proxyId: proxy.proxyId ?? "",
          publicKey: proxy.publicKey,
          presharedKey: presharedKeyOf(own),
          endpoint: proxy.wireguardEndpoint ?? "",
          websocketEndpoint: proxy.websocketEndpoint ?? "",
          allowedIps: ownAddresses(proxy),
        })),
        routes: routes
          .filter(({ routers }) => routers.some(({ peerId }) => peerId === own.id))
          .map(({ resourceId, prefix, domain }) => ({ resourceId, prefix, domain })),
        rules: rules.get(own.id) ?? [],
      };
    },
  };
}

type Route = control.TunnelRoute & { networkId: string };

/** Routing peers per network, best first, each once with its best metric. */
function routersByNetwork(
  rows: OverlayRows,
  peers: ReadonlyMap<string, OverlayPeer>,
): Map<string, control.RoutingPeer[]> {
  const byNetwork = new Map<string, Map<string, number>>();
  for (const { networkId, peerIds, metric } of rows.routers) {
    const metrics = byNetwork.get(networkId) ?? new Map<string, number>();
    byNetwork.set(networkId, metrics);
    for (const id of peerIds) {
      const kind = peers.get(id)?.kind;
      if (kind !== "agent" && kind !== "wireguard") continue;
      metrics.set(id, Math.min(metric, metrics.get(id) ?? Number.POSITIVE_INFINITY));
    }
  }
  return new Map(
    [...byNetwork].map(([networkId, metrics]) => [
      networkId,
      [...metrics]
        .map(([peerId, metric]) => ({ peerId, metric }))
        .sort((a, b) => a.metric - b.metric || (a.peerId < b.peerId ? -1 : 1)),
    ]),
  );
}

/** @returns undefined for a domain resource without an address of its own (a wildcard) */
function routePrefix(resource: OverlayResource): string | undefined {
  if (resource.type !== "domain") return resource.address;
  return resource.virtualIp === null ? undefined : singlePrefix(resource.virtualIp);
}

/**
 * What proxies may open through each agent: exactly what an enabled target of an enabled service of their cluster asks
 * for. Targets that the proxy dials from its own network need nothing.
 */
function accessRules(
  { targets }: OverlayRows,
  proxies: readonly OverlayPeer[],
  routes: readonly Route[],
  peers: ReadonlyMap<string, OverlayPeer>,
): Map<string, agent.AccessRule[]> {
  const sourcesOf = new Map<string, string[]>();
  for (const proxy of proxies) {
    const cluster = (proxy.cluster ?? "").toLowerCase();
    sourcesOf.set(cluster, [...(sourcesOf.get(cluster) ?? []), ...ownAddresses(proxy)]);
  }
  const routeOf = new Map(routes.map((route) => [route.resourceId, route]));
  const rulesOf = new Map<string, Map<string, agent.AccessRule & { from: Set<string> }>>();
  const allow = (peerId: string, destination: string, target: OverlayTarget, sources: readonly string[]) => {
    const protocol = target.mode === "udp" ? "udp" : "tcp";
    const port = effectivePort(target);
    const rules = rulesOf.get(peerId) ?? new Map();
    rulesOf.set(peerId, rules);
    const key = `${destination} ${protocol} ${port}`;
    const rule = rules.get(key) ?? {
      destination,
      protocol,
      portFirst: port,
      portLast: port,
      sources: [],
      from: new Set<string>(),
    };
    rules.set(key, rule);
    for (const source of sources) rule.from.add(source);
  };
  for (const target of targets) {
    const sources = sourcesOf.get(target.cluster.toLowerCase());
    if (!sources || target.options.directUpstream || target.targetType === "cluster") continue;
    if (target.targetType === "peer") {
      const peer = peers.get(target.targetId);
      if (peer?.kind !== "agent") continue;
      for (const address of ownAddresses(peer)) allow(peer.id, address, target, sources);
      continue;
    }
    const route = routeOf.get(target.targetId);
    if (!route) continue;
    for (const { peerId } of route.routers) {
      if (peers.get(peerId)?.kind === "agent") allow(peerId, narrowed(route.prefix, target), target, sources);
    }
  }
  return new Map(
    [...rulesOf].map(([peerId, rules]) => [
      peerId,
      [...rules.values()].map(({ from, ...rule }) => ({ ...rule, sources: [...from].sort() })),
    ]),
  );
}

/** A subnet target with a plain address needs that address only, not the whole subnet. */
function narrowed(prefix: string, target: OverlayTarget): string {
  if (target.targetType !== "subnet") return prefix;
  const network = parseNetwork(prefix);
  const address = parseAddress(target.host);
  return network && address && contains(network, address) ? singlePrefix(target.host) : prefix;
}

function ownAddresses({ ip, ipv6 }: Pick<OverlayPeer, "ip" | "ipv6">): string[] {
  return ipv6 ? [singlePrefix(ip), singlePrefix(ipv6)] : [singlePrefix(ip)];
}

function singlePrefix(address: string): string {
  return `${address}/${parseAddress(address)?.family === 6 ? 128 : 32}`;
}
