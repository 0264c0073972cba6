import { type BlockList, isIP } from "node:net";
import { unmapAddress } from "./cidr.ts";
import { listed } from "./restrict-address.ts";

/**
 * The visitor's own address: the nearest one in X-Forwarded-For that is not a trusted proxy, counted from our side.
 * Entries further left were written by somebody we do not trust.
 *
 * @param forwardedFor every X-Forwarded-For line joined with commas, in the order of arrival
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: BlockList): string {
  if (forwardedFor === undefined) return peer;
  let leftmost: string | undefined;
  const entries = forwardedFor.split(",");
  for (let i = entries.length - 1; i >= 0; i--) {
    const address = bareAddress(entries[i]!.trim());
    if (address === undefined) continue;
    leftmost = address;
    if (!listed(trusted, address)) return address;
  }
  return leftmost ?? peer;
}

/** Some balancers write a port behind the address. */
function bareAddress(entry: string): string | undefined {
  if (isIP(entry) !== 0) return unmapAddress(entry);
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(entry);
  if (bracketed !== null) return isIP(bracketed[1]!) === 6 ? unmapAddress(bracketed[1]!) : undefined;
  const withPort = /^([0-9.]+):\d+$/.exec(entry);
  return withPort !== null && isIP(withPort[1]!) === 4 ? withPort[1] : undefined;
}
