import { readInt32, readUint16, writeInt32, writeUint16 } from "./bytes.ts";
import { addWords, checksumOf, foldSum, networkWord } from "./checksum.ts";
import { type IpPacket, PROTOCOL_TCP } from "./ip-packet.ts";
import type { PacketBuffer } from "./packet-buffer.ts";
import { failed, type Parsed } from "./parsed.ts";

export const TCP_HEADER_BYTES = 20;
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** A header has 40 bytes for options: at most four SACK blocks (RFC 2018 §3). */
export const MAX_SACK_BLOCKS = 4;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;
const OPTION_SACK_PERMITTED = 4;
const OPTION_SACK = 5;
/** RFC 7323 §2.3: a larger shift is used as 14. */
const MAX_WINDOW_SHIFT = 14;

/**
 * A parsed segment, filled again for every packet. Sequence numbers are int32; compare them with `(a - b) | 0`.
 * `payload` offsets count from the start of the packet buffer.
 */
export class TcpSegment {
  sourcePort = 0;
  destinationPort = 0;
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  /** As on the wire, before scaling. */
  window = 0;
  payloadStart = 0;
  payloadEnd = 0;
  /** 0 when the option is absent. */
  mss = 0;
  /** Shift count, -1 when the option is absent. */
  windowShift = -1;
  sackPermitted = false;
  sackBlocks = 0;
  /** Left and right edge of each block, alternating. */
  readonly sackEdges = new Int32Array(MAX_SACK_BLOCKS * 2);
}

/**
 * Parses a TCP header with the options we use (RFC 9293 §3.1, RFC 7323, RFC 2018). An option that runs past the header makes
 * the segment bad; unknown options are skipped.
 */
export function parseTcpSegment(
  buffer: PacketBuffer,
  packet: IpPacket,
  into: TcpSegment,
): Parsed<TcpSegment> {
  const { bytes, words } = buffer;
  const start = packet.payloadStart;
  const end = packet.payloadEnd;
  if (end - start < TCP_HEADER_BYTES) return failed("too-short");
  const headerBytes = (bytes[start + 12]! >>> 4) * 4;
  if (headerBytes < TCP_HEADER_BYTES || headerBytes > end - start) return failed("bad-length");
  const pseudo = packet.addressSum + networkWord(PROTOCOL_TCP) + networkWord(end - start);
  if (foldSum(addWords(pseudo, words, start, end)) !== 0xffff) return failed("bad-checksum");
  into.sourcePort = readUint16(bytes, start);
  into.destinationPort = readUint16(bytes, start + 2);
  into.sequence = readInt32(bytes, start + 4);
  into.acknowledgment = readInt32(bytes, start + 8);
  into.flags = bytes[start + 13]! & 0x3f;
  into.window = readUint16(bytes, start + 14);
  into.payloadStart = start + headerBytes;
  into.payloadEnd = end;
  into.mss = 0;
  into.windowShift = -1;
  into.sackPermitted = false;
  into.sackBlocks = 0;
  if (
    headerBytes > TCP_HEADER_BYTES &&
    !parseOptions(bytes, start + TCP_HEADER_BYTES, into.payloadStart, into)
  ) {
    return failed("bad-option");
  }
  return { ok: true, value: into };
}

function parseOptions(bytes: Uint8Array, start: number, end: number, into: TcpSegment): boolean {
  let at = start;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === OPTION_END) return true;
    if (kind === OPTION_NOP) {
      at += 1;
      continue;
    }
    if (at + 1 >= end) return false;
    const length = bytes[at + 1]!;
    if (length < 2 || at + length > end) return false;
    if (kind === OPTION_MSS && length === 4) {
      into.mss = readUint16(bytes, at + 2);
    } else if (kind === OPTION_WINDOW_SCALE && length === 3) {
      into.windowShift = Math.min(bytes[at + 2]!, MAX_WINDOW_SHIFT);
    } else if (kind === OPTION_SACK_PERMITTED && length === 2) {
      into.sackPermitted = true;
    } else if (kind === OPTION_SACK && (length - 2) % 8 === 0) {
      into.sackBlocks = Math.min((length - 2) / 8, MAX_SACK_BLOCKS);
      for (let edge = 0; edge < into.sackBlocks * 2; edge += 1) {
        into.sackEdges[edge] = readInt32(bytes, at + 2 + edge * 4);
      }
    }
    at += length;
  }
  return true;
}

/** Writes the options of a SYN. `windowShift` below 0 leaves window scaling out. @returns bytes written, a multiple of 4 */
export function writeSynOptions(
  bytes: Uint8Array,
  at: number,
  mss: number,
  windowShift: number,
  sackPermitted: boolean,
): number {
  bytes[at] = OPTION_MSS;
  bytes[at + 1] = 4;
  writeUint16(bytes, at + 2, mss);
  let length = 4;
  if (sackPermitted) {
    bytes[at + length] = OPTION_NOP;
    bytes[at + length + 1] = OPTION_NOP;
    bytes[at + length + 2] = OPTION_SACK_PERMITTED;
    bytes[at + length + 3] = 2;
    length += 4;
  }
  if (windowShift >= 0) {
    bytes[at + length] = OPTION_NOP;
    bytes[at + length + 1] = OPTION_WINDOW_SCALE;
    bytes[at + length + 2] = 3;
    bytes[at + length + 3] = windowShift;
    length += 4;
  }
  return length;
}

/** Writes `blocks` pairs of edges. @returns bytes written, a multiple of 4 */
export function writeSackOption(bytes: Uint8Array, at: number, edges: Int32Array, blocks: number): number {
  bytes[at] = OPTION_NOP;
  bytes[at + 1] = OPTION_NOP;
  bytes[at + 2] = OPTION_SACK;
  bytes[at + 3] = 2 + blocks * 8;
  for (let edge = 0; edge < blocks * 2; edge += 1) writeInt32(bytes, at + 4 + edge * 4, edges[edge]!);
  return 4 + blocks * 8;
}

/**
 * Writes the fixed header and the checksum, over options and payload that already lie behind it.
 * @param length header, options and payload in bytes
 */
export function writeTcpHeader(
  buffer: PacketBuffer,
  start: number,
  length: number,
  optionBytes: number,
  sourcePort: number,
  destinationPort: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
  addressSum: number,
): void {
  const { bytes, words } = buffer;
  writeUint16(bytes, start, sourcePort);
  writeUint16(bytes, start + 2, destinationPort);
  writeInt32(bytes, start + 4, sequence);
  writeInt32(bytes, start + 8, acknowledgment);
  bytes[start + 12] = ((TCP_HEADER_BYTES + optionBytes) >> 2) << 4;
  bytes[start + 13] = flags;
  writeUint16(bytes, start + 14, window);
  writeInt32(bytes, start + 16, 0);
  const pseudo = addressSum + networkWord(PROTOCOL_TCP) + networkWord(length);
  words[(start + 16) >> 1] = checksumOf(addWords(pseudo, words, start, start + length));
}
