import { readInt32, readUint16, writeInt32, writeUint16 } from "./bytes.ts";
import { addWords, checksumOf, foldSum } from "./checksum.ts";
import type { IpPacket } from "./ip-packet.ts";
import type { PacketBuffer } from "./packet-buffer.ts";
import { failed, type Parsed } from "./parsed.ts";

export const IPV4_HEADER_BYTES = 20;
const DEFAULT_HOP_LIMIT = 64;
const MORE_FRAGMENTS = 0x2000;
export const DONT_FRAGMENT = 0x4000;

/** The flags and offset word of a fragment. `offset` is in bytes, a multiple of 8. */
export function ipv4FragmentField(offset: number, more: boolean): number {
  return (offset >>> 3) | (more ? MORE_FRAGMENTS : 0);
}

/** Parses an IPv4 header (RFC 791 §3.1), of a whole packet or of a fragment. Options are skipped. */
export function parseIpv4(
  buffer: PacketBuffer,
  start: number,
  end: number,
  into: IpPacket,
): Parsed<IpPacket> {
  const { bytes, words } = buffer;
  if (end - start < IPV4_HEADER_BYTES) return failed("too-short");
  if (bytes[start]! >>> 4 !== 4) return failed("bad-version");
  const headerBytes = (bytes[start]! & 0x0f) * 4;
  const totalBytes = readUint16(bytes, start + 2);
  if (headerBytes < IPV4_HEADER_BYTES || totalBytes < headerBytes) return failed("bad-length");
  if (totalBytes > end - start) return failed("too-short");
  if (foldSum(addWords(0, words, start, start + headerBytes)) !== 0xffff) return failed("bad-checksum");
  const fragment = readUint16(bytes, start + 6);
  into.isFragment = (fragment & 0x3fff) !== 0;
  into.fragmentOffset = (fragment & 0x1fff) * 8;
  into.moreFragments = (fragment & MORE_FRAGMENTS) !== 0;
  into.identification = readUint16(bytes, start + 4);
  into.family = 4;
  into.protocol = bytes[start + 9]!;
  into.hopLimit = bytes[start + 8]!;
  into.source0 = 0;
  into.source1 = 0;
  into.source2 = 0xffff;
  into.source3 = readInt32(bytes, start + 12);
  into.destination0 = 0;
  into.destination1 = 0;
  into.destination2 = 0xffff;
  into.destination3 = readInt32(bytes, start + 16);
  into.headerStart = start;
  into.payloadStart = start + headerBytes;
  into.payloadEnd = start + totalBytes;
  into.addressSum = addWords(0, words, start + 12, start + 20);
  return { ok: true, value: into };
}

/**
 * Writes a header without options, and its checksum.
 * @param fragmentField {@link DONT_FRAGMENT} for a whole packet, {@link ipv4FragmentField} for a part
 * @returns the sum of the address words, for the pseudo header
 */
export function writeIpv4Header(
  buffer: PacketBuffer,
  start: number,
  totalBytes: number,
  protocol: number,
  source: number,
  destination: number,
  identification: number,
  fragmentField: number = DONT_FRAGMENT,
): number {
  const { bytes, words } = buffer;
  bytes[start] = 0x45;
  bytes[start + 1] = 0;
  writeUint16(bytes, start + 2, totalBytes);
  writeUint16(bytes, start + 4, identification);
  writeUint16(bytes, start + 6, fragmentField);
  bytes[start + 8] = DEFAULT_HOP_LIMIT;
  bytes[start + 9] = protocol;
  writeUint16(bytes, start + 10, 0);
  writeInt32(bytes, start + 12, source);
  writeInt32(bytes, start + 16, destination);
  const addressSum = addWords(0, words, start + 12, start + 20);
  words[(start + 10) >> 1] = checksumOf(addWords(addressSum, words, start, start + 12));
  return addressSum;
}
