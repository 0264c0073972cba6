import { contains, formatAddress, networkAddress, parseAddress, parseNetwork } from "./ip-network.ts";

/** Random numbers come in as an argument: `random(n)` gives an integer from 0 to n - 1. */
export type Random = (below: number) => number;

/** A /16 inside 100.64.0.0/10 (RFC 6598), as NetBird gives to a new account. */
export function randomNetworkV4(random: Random): string {
  return `100.${64 + random(64)}.0.0/16`;
}

/** A unique local /64 (RFC 4193: fd00::/8 with 40 random bits), subnet 0. */
export function randomNetworkV6(random: Random): string {
  let value = 0xfdn;
  for (let n = 0; n < 5; n += 1) value = (value << 8n) | BigInt(random(256));
  return `${formatAddress(6, value << 80n)}/64`;
}

/**
 * A free address of the range: random, so that an address is not handed to the next peer right after its owner left.
 * The network's own, the first and the last address are never given.
 *
 * @returns undefined when the range is full
 */
export function allocateAddress(
  range: string,
  used: ReadonlySet<string>,
  random: Random,
): string | undefined {
  const network = parseNetwork(range);
  if (!network) throw new Error(`not a network: ${range}`);
  const { family } = network;
  const base = networkAddress(network);
  const hostBits = (family === 4 ? 32 : 128) - network.prefixLength;
  // 30 bits are plenty for any account, and keep the arithmetic in safe integers.
  const size = 2 ** Math.min(hostBits, 30);
  const usable = size - 3;
  if (usable <= 0) return undefined;
  const at = (offset: number) => formatAddress(family, base + BigInt(2 + offset));
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const address = at(random(usable));
    if (!used.has(address)) return address;
  }
  for (let offset = 0; offset < usable; offset += 1) {
    const address = at(offset);
    if (!used.has(address)) return address;
  }
  return undefined;
}

/** True when {@link allocateAddress} could have given `address`. */
export function isAllocatable(range: string, address: string): boolean {
  const network = parseNetwork(range);
  const parsed = parseAddress(address);
  if (!network || !parsed || !contains(network, parsed)) return false;
  const offset = parsed.value - networkAddress(network);
  const hostBits = BigInt((network.family === 4 ? 32 : 128) - network.prefixLength);
  return offset >= 2n && offset < (1n << hostBits) - 1n;
}

export function isInRange(range: string, address: string): boolean {
  const network = parseNetwork(range);
  const parsed = parseAddress(address);
  return network !== undefined && parsed !== undefined && contains(network, parsed);
}
