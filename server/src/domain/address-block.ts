import { isIPv6 } from "node:net";

/**
 * What one subscriber holds, for counting failures: an IPv4 address, or an IPv6 /64 (RFC 6177), inside which anybody has
 * as many addresses as they like. IPv4 inside IPv6 (`::ffff:192.0.2.1`) is IPv4.
 */
export function addressBlock(address: string): string {
  const plain = address.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
  if (!isIPv6(plain)) return plain;
  // The URL parser writes an address in its one canonical form.
  const canonical = new URL(`http://[${plain}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail ? tail.split(":") : [];
  const zeros = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill("0");
  return `${[...left, ...zeros, ...right].slice(0, 4).join(":")}::/64`;
}
