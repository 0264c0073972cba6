import type { control } from "@netbird-proxy/proto/grpc";
import type { OverlayIdentity } from "../access/tunnel-login.ts";

/** A peer's own addresses, and whom it stands for. */
export interface OverlayPeer {
  readonly addresses: ReadonlySet<string>;
  /** Undefined: nobody. */
  readonly identity: OverlayIdentity | undefined;
}

/** By public key in standard base64. */
export function overlayPeers({
  peers,
  groups,
}: Pick<control.TunnelState, "peers" | "groups">): ReadonlyMap<string, OverlayPeer> {
  return new Map(
    peers.map(({ publicKey, allowedIps, identity }) => [
      publicKey,
      {
        addresses: new Set(allowedIps.map((prefix) => prefix.slice(0, prefix.lastIndexOf("/")))),
        identity: identity && overlayIdentity(identity, groups),
      },
    ]),
  );
}

function overlayIdentity(
  { userId, user, groups: places }: control.TunnelIdentity,
  all: readonly control.TunnelGroup[],
): OverlayIdentity {
  const groups = places.flatMap((place) => all[place] ?? []);
  return {
    userId,
    user,
    groupIds: new Set(groups.map(({ id }) => id)),
    groups: groups.map(({ id, name }) => name || id),
  };
}
