import type { control } from "@netbird-proxy/proto/grpc";
import { parseCidr } from "../access/cidr.ts";
import { PrefixTable } from "./prefix-table.ts";

/** As much of a peer as it takes to give it prefixes. */
export interface Carrier {
  readonly config: Pick<control.TunnelPeer, "peerId" | "allowedIps">;
}

/**
 * Gives every peer its own addresses, and every routed prefix to the best router that is usable, or to the best of all
 * when none is: WireGuard's allowed IPs belong to one peer each.
 */
export function allotPrefixes<P extends Carrier>(
  peers: ReadonlyMap<string, P>,
  routes: readonly control.TunnelRoute[],
  isUsable: (peer: P) => boolean,
): { allowed: Map<P, string[]>; carriers: PrefixTable<P> } {
  const allowed = new Map<P, string[]>();
  const carriers = new PrefixTable<P>();
  for (const peer of peers.values()) {
    allowed.set(peer, [...peer.config.allowedIps]);
    for (const prefix of peer.config.allowedIps) carriers.set(prefix, peer);
  }
  const taken = new Set<string>();
  for (const { prefix, routers } of routes) {
    // Two networks with the same range: an address can only mean one of them, the first.
    if (taken.has(prefix) || parseCidr(prefix) === undefined) continue;
    const candidates = routers.flatMap(({ peerId }) => peers.get(peerId) ?? []);
    const router = candidates.find(isUsable) ?? candidates[0];
    if (router === undefined) continue;
    taken.add(prefix);
    allowed.get(router)!.push(prefix);
    carriers.set(prefix, router);
  }
  return { allowed, carriers };
}
