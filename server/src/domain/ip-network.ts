import { isIPv4, isIPv6 } from "node:net";

/** An address block. `base` is the numeric address as written, which may have host bits. */
export interface IpNetwork {
  family: 4 | 6;
  base: bigint;
  prefixLength: number;
}

const bitsOf = (family: 4 | 6) => (family === 4 ? 32 : 128);

/** @returns undefined for anything but a plain IPv4 or IPv6 address (no zone) */
export function parseAddress(text: string): { family: 4 | 6; value: bigint } | undefined {
  if (isIPv4(text)) {
    return { family: 4, value: text.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
  }
  if (!isIPv6(text) || text.includes("%")) return undefined;
  return { family: 6, value: parseIpv6(text) };
}

function parseIpv6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  let plain = text;
  if (dotted) {
    const v4 = parseAddress(dotted[2]!)!.value;
    plain = `${dotted[1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  }
  const [head = "", tail] = plain.split("::");
  const words = (part: string) => (part === "" ? [] : part.split(":"));
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const zeros = Array(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].reduce((sum, word) => (sum << 16n) | BigInt(`0x${word}`), 0n);
}

export function formatAddress(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const words: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) words.push(Number((value >> shift) & 0xffffn));
  // RFC 5952: the longest run of two or more zero words is shortened, the first one if equal.
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (words[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  const hex = words.map((word) => word.toString(16));
  if (best.at < 0) return hex.join(":");
  return `${hex.slice(0, best.at).join(":")}::${hex.slice(best.at + best.length).join(":")}`;
}

/** @returns undefined for anything but `address/length`; host bits are allowed */
export function parseNetwork(text: string): IpNetwork | undefined {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match && parseAddress(match[1]!);
  if (!match || !address) return undefined;
  const prefixLength = Number(match[2]);
  if (prefixLength > bitsOf(address.family) || match[2] !== String(prefixLength)) return undefined;
  return { family: address.family, base: address.value, prefixLength };
}

export function networkAddress({ family, base, prefixLength }: IpNetwork): bigint {
  const hostBits = BigInt(bitsOf(family) - prefixLength);
  return (base >> hostBits) << hostBits;
}

export function hasHostBits(network: IpNetwork): boolean {
  return networkAddress(network) !== network.base;
}

/** True when the block is one address. */
export function isSingleAddress({ family, prefixLength }: IpNetwork): boolean {
  return prefixLength === bitsOf(family);
}

export function contains(network: IpNetwork, address: { family: 4 | 6; value: bigint }): boolean {
  if (network.family !== address.family) return false;
  const hostBits = BigInt(bitsOf(network.family) - network.prefixLength);
  return network.base >> hostBits === address.value >> hostBits;
}
