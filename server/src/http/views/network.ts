import type { Network, NetworkResource, NetworkRouter } from "@netbird-proxy/proto/rest";
import type { GroupWithMembers } from "../../store/groups.ts";
import type { NetworkResource as StoredResource } from "../../store/network-resources.ts";
import type { NetworkRouter as StoredRouter } from "../../store/network-routers.ts";
import type { Network as StoredNetwork } from "../../store/networks.ts";
import { groupsOfResource } from "./group.ts";

/** @param empty what stands for "no routers" and "no resources": null, or `[]` right after creation */
export function viewNetwork(
  network: StoredNetwork,
  resources: readonly StoredResource[],
  routers: readonly StoredRouter[],
  groups: readonly GroupWithMembers[],
  empty: null | [] = null,
): Network {
  const own = <T extends { networkId: string }>(list: readonly T[]) =>
    list.filter(({ networkId }) => networkId === network.id);
  const ids = (list: readonly { id: string }[]) => (list.length === 0 ? empty : list.map(({ id }) => id));
  const sizes = new Map(groups.map((group) => [group.id as string, group.peers.length]));
  const routingPeers = own(routers).reduce(
    (sum, router) =>
      sum + (router.peerId ? 1 : router.peerGroups.reduce((size, id) => size + (sizes.get(id) ?? 0), 0)),
    0,
  );
  return {
    id: network.id,
    name: network.name,
    description: network.description,
    routers: ids(own(routers)),
    resources: ids(own(resources)),
    routing_peers_count: routingPeers,
    policies: [],
  };
}

export function viewResource(resource: StoredResource, groups: readonly GroupWithMembers[]): NetworkResource {
  return {
    id: resource.id,
    name: resource.name,
    description: resource.description,
    type: resource.type,
    address: resource.address,
    groups: groupsOfResource(groups, resource.id),
    enabled: resource.enabled,
  };
}

export function viewRouter(router: StoredRouter): NetworkRouter {
  return {
    id: router.id,
    peer: router.peerId ?? "",
    peer_groups: router.peerGroups.length === 0 ? null : router.peerGroups,
    metric: router.metric,
    masquerade: router.masquerade,
    enabled: router.enabled,
  };
}
