import { readInt32, readUint16, writeInt32, writeUint16 } from "./bytes.ts";
import { addWords } from "./checksum.ts";
import type { IpAddress } from "./ip-address.ts";
import type { IpPacket } from "./ip-packet.ts";
import type { PacketBuffer } from "./packet-buffer.ts";
import { failed, type Parsed } from "./parsed.ts";

export const IPV6_HEADER_BYTES = 40;
export const IPV6_FRAGMENT_HEADER_BYTES = 8;
const DEFAULT_HOP_LIMIT = 64;

const HOP_BY_HOP = 0;
const ROUTING = 43;
export const FRAGMENT = 44;
const NO_NEXT_HEADER = 59;
const DESTINATION_OPTIONS = 60;

/**
 * Parses an IPv6 header (RFC 8200 §3), of a whole packet or of a fragment, and steps over hop-by-hop and destination
 * options. Routing headers are refused because honouring them is deprecated (RFC 5095).
 */
export function parseIpv6(
  buffer: PacketBuffer,
  start: number,
  end: number,
  into: IpPacket,
): Parsed<IpPacket> {
  const { bytes, words } = buffer;
  if (end - start < IPV6_HEADER_BYTES) return failed("too-short");
  if (bytes[start]! >>> 4 !== 6) return failed("bad-version");
  const packetEnd = start + IPV6_HEADER_BYTES + readUint16(bytes, start + 4);
  if (packetEnd > end) return failed("too-short");
  let next = bytes[start + 6]!;
  let at = start + IPV6_HEADER_BYTES;
  while (next === HOP_BY_HOP || next === DESTINATION_OPTIONS) {
    if (at + 8 > packetEnd) return failed("too-short");
    next = bytes[at]!;
    at += (bytes[at + 1]! + 1) * 8;
    if (at > packetEnd) return failed("bad-length");
  }
  into.isFragment = false;
  if (next === FRAGMENT) {
    if (at + IPV6_FRAGMENT_HEADER_BYTES > packetEnd) return failed("too-short");
    const field = readUint16(bytes, at + 2);
    into.fragmentOffset = field & 0xfff8;
    into.moreFragments = (field & 1) !== 0;
    // An "atomic" fragment is a whole packet (RFC 6946).
    into.isFragment = field !== 0 && (into.moreFragments || into.fragmentOffset > 0);
    into.identification = readInt32(bytes, at + 4);
    next = bytes[at]!;
    at += IPV6_FRAGMENT_HEADER_BYTES;
  }
  if (next === ROUTING || next === NO_NEXT_HEADER) return failed("unsupported-extension");
  into.family = 6;
  into.protocol = next;
  into.hopLimit = bytes[start + 7]!;
  into.source0 = readInt32(bytes, start + 8);
  into.source1 = readInt32(bytes, start + 12);
  into.source2 = readInt32(bytes, start + 16);
  into.source3 = readInt32(bytes, start + 20);
  into.destination0 = readInt32(bytes, start + 24);
  into.destination1 = readInt32(bytes, start + 28);
  into.destination2 = readInt32(bytes, start + 32);
  into.destination3 = readInt32(bytes, start + 36);
  into.headerStart = start;
  into.payloadStart = at;
  into.payloadEnd = packetEnd;
  into.addressSum = addWords(0, words, start + 8, start + 40);
  return { ok: true, value: into };
}

/** Writes a header without extensions. @returns the sum of the address words, for the pseudo header */
export function writeIpv6Header(
  buffer: PacketBuffer,
  start: number,
  payloadBytes: number,
  protocol: number,
  source: IpAddress,
  destination: IpAddress,
): number {
  const { bytes, words } = buffer;
  writeInt32(bytes, start, 0x60000000);
  writeUint16(bytes, start + 4, payloadBytes);
  bytes[start + 6] = protocol;
  bytes[start + 7] = DEFAULT_HOP_LIMIT;
  writeInt32(bytes, start + 8, source.w0);
  writeInt32(bytes, start + 12, source.w1);
  writeInt32(bytes, start + 16, source.w2);
  writeInt32(bytes, start + 20, source.w3);
  writeInt32(bytes, start + 24, destination.w0);
  writeInt32(bytes, start + 28, destination.w1);
  writeInt32(bytes, start + 32, destination.w2);
  writeInt32(bytes, start + 36, destination.w3);
  return addWords(0, words, start + 8, start + 40);
}

/** Writes the fragment header of one part (RFC 8200 §4.5). `offset` is in bytes, a multiple of 8. */
export function writeIpv6FragmentHeader(
  buffer: PacketBuffer,
  at: number,
  protocol: number,
  offset: number,
  more: boolean,
  identification: number,
): void {
  const { bytes } = buffer;
  bytes[at] = protocol;
  bytes[at + 1] = 0;
  writeUint16(bytes, at + 2, offset | (more ? 1 : 0));
  writeInt32(bytes, at + 4, identification);
}
