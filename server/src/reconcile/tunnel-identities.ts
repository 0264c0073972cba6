import type { control } from "@netbird-proxy/proto/grpc";
import type { OverlayPeer, OverlayRows } from "../store/overlay-sources.ts";

export interface TunnelIdentities {
  /** Every group that some peer is in, in order of id. */
  readonly groups: control.TunnelGroup[];
  /** @returns undefined for a device whose user may not use anything */
  of(peer: OverlayPeer): control.TunnelIdentity | undefined;
}

/**
 * Whom a connection from a peer's own overlay address stands for: its user, or the peer itself when nobody owns it.
 * Source: reference §10.5, where proxies ask for each address; ours are told beforehand.
 */
export function tunnelIdentities({ groups, users }: Pick<OverlayRows, "groups" | "users">): TunnelIdentities {
  const emails = new Map(users.map(({ id, email }) => [id, email]));
  const placesOf = new Map<string, number[]>();
  for (const [place, { peerIds }] of groups.entries()) {
    for (const id of peerIds) {
      const places = placesOf.get(id);
      if (places) places.push(place);
      else placesOf.set(id, [place]);
    }
  }
  return {
    groups: groups.map(({ id, name }) => ({ id, name })),
    of({ id, name, userId }) {
      if (userId !== null && !emails.has(userId)) return undefined;
      return {
        userId: userId ?? id,
        user: (userId !== null && emails.get(userId)) || name,
        groups: placesOf.get(id) ?? [],
      };
    },
  };
}
