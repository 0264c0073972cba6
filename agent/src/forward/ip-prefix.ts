import { BlockList, isIP } from "node:net";

/** A CIDR, or an address alone as its host prefix. */
export interface IpPrefix {
  readonly text: string;
  /** Leading bits that count; a longer prefix is the more specific one. */
  readonly length: number;
  contains(address: string): boolean;
}

/** @returns undefined when the text is no IPv4 or IPv6 prefix */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [address = "", lengthText, ...rest] = text.split("/");
  const family = isIP(address);
  // Zone ids name an interface of one host; they mean nothing in a rule.
  if (family === 0 || rest.length > 0 || address.includes("%")) return undefined;
  const bits = family === 4 ? 32 : 128;
  if (lengthText !== undefined && !/^\d{1,3}$/.test(lengthText)) return undefined;
  const length = lengthText === undefined ? bits : Number(lengthText);
  if (length > bits) return undefined;
  const list = new BlockList();
  list.addSubnet(address, length, family === 4 ? "ipv4" : "ipv6");
  return {
    text,
    length,
    contains(candidate) {
      // BlockList would let an IPv4 prefix match ::ffff:a.b.c.d; inside the overlay these are different destinations.
      const candidateFamily = isIP(candidate);
      return candidateFamily === family && list.check(candidate, family === 4 ? "ipv4" : "ipv6");
    },
  };
}
