import { parseIpv4 } from "./ipv4.ts";
import { parseIpv6 } from "./ipv6.ts";
import type { PacketBuffer } from "./packet-buffer.ts";
import { failed, type Parsed } from "./parsed.ts";

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;

/**
 * What the stack needs to know of an IP header; one object is filled again for every packet. Addresses are the words of
 * {@link IpAddress}; offsets count from the start of the packet buffer.
 */
export class IpPacket {
  family: 4 | 6 = 4;
  protocol = 0;
  hopLimit = 0;
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  headerStart = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** Part of a larger packet: `payload` is its part, and transport headers are in the first one only. */
  isFragment = false;
  /** Where the part belongs, bytes; a multiple of 8. */
  fragmentOffset = 0;
  moreFragments = false;
  identification = 0;
  /** Sum of the address words in machine order, for the pseudo header of TCP, UDP and ICMPv6. */
  addressSum = 0;
}

/** Parses the IP packet in `[start, end)` of `buffer` into `into`. `start` is even. Bytes after its own length are padding. */
export function parseIpPacket(
  buffer: PacketBuffer,
  start: number,
  end: number,
  into: IpPacket,
): Parsed<IpPacket> {
  if (end <= start) return failed("too-short");
  const version = buffer.bytes[start]! >>> 4;
  if (version === 4) return parseIpv4(buffer, start, end, into);
  if (version === 6) return parseIpv6(buffer, start, end, into);
  return failed("bad-version");
}
