import { isIP } from "node:net";

/** An address range; host bits are kept as given. */
export interface Cidr {
  address: string;
  family: "ipv4" | "ipv6";
  prefixLength: number;
}

/** `10.0.0.0/8`, `2001:db8::/32`, or a bare address, which is the range of itself. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0 || address.includes("%")) return undefined;
  const bits = version === 4 ? 32 : 128;
  let prefixLength = bits;
  if (slash !== -1) {
    const digits = text.slice(slash + 1);
    if (!/^\d{1,3}$/.test(digits)) return undefined;
    prefixLength = Number(digits);
    if (prefixLength > bits) return undefined;
  }
  return { address, family: version === 4 ? "ipv4" : "ipv6", prefixLength };
}

/** IPv4 in its IPv6 clothes (`::ffff:192.0.2.1`, as dual-stack sockets give it) back to plain IPv4. */
export function unmapAddress(address: string): string {
  if (address.charCodeAt(0) === 58 && address.startsWith("::ffff:")) {
    const rest = address.slice(7);
    if (isIP(rest) === 4) return rest;
  }
  return address;
}
