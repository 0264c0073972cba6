import { formatAddress, type IpNetwork, networkAddress, parseNetwork } from "./ip-network.ts";

// Addresses that mean something else to every host, whatever an account says.
const reserved: readonly (readonly [string, string])[] = [
  ["0.0.0.0/8", "this network"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["224.0.0.0/4", "multicast"],
  ["::/127", "loopback"],
  ["fe80::/10", "link-local"],
  ["ff00::/8", "multicast"],
];

const prefixLengths = { 4: { shortest: 0, longest: 28 }, 6: { shortest: 48, longest: 120 } } as const;

/** The least number of addresses that a range must have, and how many per address that is in use. */
const MIN_ROOM = 10;
const ROOM_PER_USED = 1.5;

export type RangeCheck = { ok: true; range: string } | { ok: false; why: string };

/**
 * Checks the range that an account's overlay addresses come from.
 * @param used how many addresses are in use now
 * @returns the range without host bits
 */
export function checkAccountRange(text: string, family: 4 | 6, used: number): RangeCheck {
  const network = parseNetwork(text);
  if (!network || network.family !== family) {
    return { ok: false, why: `${JSON.stringify(text)} is no IPv${family} CIDR` };
  }
  const { shortest, longest } = prefixLengths[family];
  const { prefixLength } = network;
  if (prefixLength > longest || prefixLength < shortest) {
    return { ok: false, why: `the prefix length must be ${shortest} to ${longest}` };
  }
  const clash = reserved.find(([block]) => overlap(network, parseNetwork(block)!));
  if (clash) return { ok: false, why: `${text} overlaps ${clash[0]} (${clash[1]})` };
  const size = 2 ** ((family === 4 ? 32 : 128) - prefixLength);
  // The network's own, the first and the last address are never given out.
  if (size - 3 < Math.max(MIN_ROOM, used * ROOM_PER_USED)) {
    return { ok: false, why: `${text} is too small for the ${used} addresses that are in use` };
  }
  return { ok: true, range: `${formatAddress(family, networkAddress(network))}/${prefixLength}` };
}

function overlap(a: IpNetwork, b: IpNetwork): boolean {
  if (a.family !== b.family) return false;
  const prefixLength = Math.min(a.prefixLength, b.prefixLength);
  return networkAddress({ ...a, prefixLength }) === networkAddress({ ...b, prefixLength });
}
