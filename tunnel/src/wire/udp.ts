import { readUint16, writeUint16 } from "./bytes.ts";
import { addWords, checksumOf, foldSum, networkWord } from "./checksum.ts";
import { type IpPacket, PROTOCOL_UDP } from "./ip-packet.ts";
import type { PacketBuffer } from "./packet-buffer.ts";
import { failed, type Parsed } from "./parsed.ts";

export const UDP_HEADER_BYTES = 8;

/** Filled again for every datagram; offsets count from the start of the packet buffer. */
export class UdpDatagram {
  sourcePort = 0;
  destinationPort = 0;
  payloadStart = 0;
  payloadEnd = 0;
}

/** Parses a UDP header (RFC 768). A checksum of zero means "none" over IPv4 and is refused over IPv6 (RFC 8200 §8.1). */
export function parseUdp(buffer: PacketBuffer, packet: IpPacket, into: UdpDatagram): Parsed<UdpDatagram> {
  const { bytes, words } = buffer;
  const start = packet.payloadStart;
  if (packet.payloadEnd - start < UDP_HEADER_BYTES) return failed("too-short");
  const length = readUint16(bytes, start + 4);
  if (length < UDP_HEADER_BYTES || length > packet.payloadEnd - start) return failed("bad-length");
  const end = start + length;
  const absent = words[(start + 6) >> 1] === 0;
  if (absent) {
    if (packet.family === 6) return failed("bad-checksum");
  } else {
    const sum = packet.addressSum + networkWord(PROTOCOL_UDP) + networkWord(length);
    if (foldSum(addWords(sum, words, start, end)) !== 0xffff) return failed("bad-checksum");
  }
  into.sourcePort = readUint16(bytes, start);
  into.destinationPort = readUint16(bytes, start + 2);
  into.payloadStart = start + UDP_HEADER_BYTES;
  into.payloadEnd = end;
  return { ok: true, value: into };
}

/** Writes the header and checksum for a payload that already lies behind it. `length` counts header and payload. */
export function writeUdpHeader(
  buffer: PacketBuffer,
  start: number,
  length: number,
  sourcePort: number,
  destinationPort: number,
  addressSum: number,
): void {
  const { bytes, words } = buffer;
  writeUint16(bytes, start, sourcePort);
  writeUint16(bytes, start + 2, destinationPort);
  writeUint16(bytes, start + 4, length);
  writeUint16(bytes, start + 6, 0);
  const sum = addressSum + networkWord(PROTOCOL_UDP) + networkWord(length);
  const checksum = checksumOf(addWords(sum, words, start, start + length));
  // Zero on the wire would mean "no checksum"; its other spelling in one's complement is 0xffff.
  words[(start + 6) >> 1] = checksum === 0 ? 0xffff : checksum;
}
