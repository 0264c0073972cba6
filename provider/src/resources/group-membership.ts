import type { Group } from "../client/api-types.ts";
import type { Walk } from "./walk.ts";

/** The group that every peer is in; the server keeps it. */
export const EVERYBODY = "All";

/** Puts a peer into exactly these groups, beside the one that everybody is in. */
export async function joinExactly(
  { api }: Walk,
  peerId: string,
  before: readonly string[],
  after: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const id of [...before, ...after].filter((one) => before.includes(one) !== after.includes(one))) {
    const path = `/groups/${encodeURIComponent(id)}`;
    // PUT replaces all members: they are read right before, and a change in between is refused where versions exist.
    const { value: group, tag } = await api.getTagged<Group>(path, signal);
    const others = (group.peers ?? []).map((peer) => peer.id).filter((one) => one !== peerId);
    await api.put<Group>(
      path,
      {
        name: group.name,
        peers: after.includes(id) ? [...others, peerId] : others,
        resources: group.resources ?? [],
      },
      signal,
      tag,
    );
  }
}
