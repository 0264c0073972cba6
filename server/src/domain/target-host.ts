import type { NetworkResource } from "../store/network-resources.ts";
import type { Peer } from "../store/peers.ts";
import type { StoredTarget } from "../store/services.ts";

/** What targets point at, by id. */
export interface TargetDirectory {
  peers: ReadonlyMap<string, Pick<Peer, "ip">>;
  resources: ReadonlyMap<string, Pick<NetworkResource, "address" | "type">>;
}

/** Stands where a peer or resource used to be. */
export const UNKNOWN_HOST = "unknown";

/**
 * Where a target is: a peer's overlay address, a host's address without prefix length, a resource's domain; what was
 * written for subnet and cluster targets. A lookup wins over `directUpstream`.
 */
export function resolveTargetHost(
  target: Pick<StoredTarget, "targetType" | "targetId" | "host">,
  directory: TargetDirectory,
): string {
  switch (target.targetType) {
    case "peer":
      return directory.peers.get(target.targetId)?.ip ?? UNKNOWN_HOST;
    case "host":
    case "domain":
      return directory.resources.get(target.targetId)?.address.split("/")[0] ?? UNKNOWN_HOST;
    case "subnet":
    case "cluster":
      return target.host;
  }
}
