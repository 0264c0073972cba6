import { readInt32, readUint16, writeInt32, writeUint16 } from "./bytes.ts";
import { addWords } from "./checksum.ts";
import type { IpAddress } from "./ip-address.ts";
import type { IpPacket } from "./ip-packet.ts";
import type { PacketBuffer } from "./packet-buffer.ts";
import { failed, type Parsed } from "./parsed.ts";

export const IPV6_HEADER_BYTES = 40;
const DEFAULT_HOP_LIMIT = 64;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const NO_NEXT_HEADER = 59;
const DESTINATION_OPTIONS = 60;

/**
 * Parses an IPv6 header (RFC 8200 §3) and steps over hop-by-hop and destination options. Fragments are refused as for
 * IPv4; routing headers are refused because honouring them is deprecated (RFC 5095).
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
  if (next === FRAGMENT) return failed("fragment");
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
