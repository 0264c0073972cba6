import type { AccountId } from "@netbird-proxy/proto";
import type { Caller } from "./caller.ts";
import type { AccessPolicy } from "./policy.ts";

/** Where a connection over an account's overlay comes from. */
export interface OverlayOrigin {
  readonly accountId: AccountId;
  /**
   * Whom the peer stands for now, whose public key and address belong together, as WireGuard's cryptokey routing proves;
   * undefined when that is nobody (any more).
   */
  identity(): OverlayIdentity | undefined;
}

export interface OverlayIdentity {
  /** The peer's user; the peer itself when it has none. */
  readonly userId: string;
  readonly user: string;
  readonly groupIds: ReadonlySet<string>;
  /** Names, ids where a name is missing. */
  readonly groups: readonly string[];
}

/** Which peers need no other login. */
export interface TunnelLogin {
  readonly everyPeer: boolean;
  readonly groupIds: ReadonlySet<string>;
}

/**
 * The caller behind a connection over the overlay, if being there is login enough. Looked up with every request in what the
 * server told last: who leaves a group or is blocked is out with the next request, and no server has to be there.
 */
export function tunnelCaller(
  { tunnelLogin }: Pick<AccessPolicy, "tunnelLogin">,
  overlay: OverlayOrigin | undefined,
): Caller | undefined {
  if (tunnelLogin === undefined) return undefined;
  const identity = overlay?.identity();
  if (identity === undefined) return undefined;
  const { userId, user, groupIds, groups } = identity;
  if (!tunnelLogin.everyPeer && !intersects(tunnelLogin.groupIds, groupIds)) return undefined;
  return { method: "tunnel", userId, user, groups };
}

function intersects(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  for (const id of one) if (other.has(id)) return true;
  return false;
}
