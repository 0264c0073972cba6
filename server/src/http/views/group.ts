import type { Group, GroupSummary } from "@netbird-proxy/proto/rest";
import type { GroupWithMembers } from "../../store/groups.ts";
import type { Peer } from "../../store/peers.ts";

/** Empty lists are null, as NetBird's clients expect. */
export function viewGroup(group: GroupWithMembers, peers: ReadonlyMap<string, Peer>): Group {
  const members = group.peers.flatMap((id) => {
    const peer = peers.get(id);
    return peer ? [{ id, name: peer.name }] : [];
  });
  return {
    id: group.id,
    name: group.name,
    issued: group.issued as Group["issued"],
    peers_count: members.length,
    resources_count: group.resources.length,
    peers: members.length === 0 ? null : members,
    resources: group.resources.length === 0 ? null : group.resources,
  };
}

export function viewGroupSummary(group: GroupWithMembers): GroupSummary {
  return {
    id: group.id,
    name: group.name,
    peers_count: group.peers.length,
    resources_count: group.resources.length,
  };
}

/** The groups that a peer is a member of; null when there are none. */
export function groupsOfPeer(groups: readonly GroupWithMembers[], peerId: string): GroupSummary[] | null {
  const found = groups.filter(
    ({ peers, resources }) =>
      (peers as string[]).includes(peerId) ||
      resources.some(({ id, type }) => type === "peer" && id === peerId),
  );
  return found.length === 0 ? null : found.map(viewGroupSummary);
}

export function groupsOfResource(
  groups: readonly GroupWithMembers[],
  resourceId: string,
): GroupSummary[] | null {
  const found = groups.filter(({ resources }) => resources.some(({ id }) => id === resourceId));
  return found.length === 0 ? null : found.map(viewGroupSummary);
}
