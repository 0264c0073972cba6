import { readUint16, writeUint16 } from "./bytes.ts";
import { addWords, checksumOf, foldSum, networkWord } from "./checksum.ts";
import { type IpPacket, PROTOCOL_ICMPV6 } from "./ip-packet.ts";
import type { PacketBuffer } from "./packet-buffer.ts";
import { failed, type Parsed } from "./parsed.ts";

export const ICMP_HEADER_BYTES = 8;

/** What a message means to us, the same for ICMP (RFC 792) and ICMPv6 (RFC 4443). */
export type IcmpMeaning =
  | "echo-request"
  | "echo-reply"
  | "port-unreachable"
  | "host-unreachable"
  | "prohibited"
  | "packet-too-big"
  | "other";

/** Filled again for every message; offsets count from the start of the packet buffer. */
export class IcmpMessage {
  meaning: IcmpMeaning = "other";
  /** Identifier and sequence number of an echo; the MTU of a packet-too-big is in `mtuBytes`. */
  identifier = 0;
  sequence = 0;
  /** Next-hop MTU in bytes, 0 when the router did not say. */
  mtuBytes = 0;
  /** Echo data, or the start of the packet an error is about. */
  bodyStart = 0;
  bodyEnd = 0;
}

export function parseIcmp(buffer: PacketBuffer, packet: IpPacket, into: IcmpMessage): Parsed<IcmpMessage> {
  const { bytes, words } = buffer;
  const start = packet.payloadStart;
  const end = packet.payloadEnd;
  if (end - start < ICMP_HEADER_BYTES) return failed("too-short");
  const pseudo =
    packet.family === 6 ? packet.addressSum + networkWord(PROTOCOL_ICMPV6) + networkWord(end - start) : 0;
  if (foldSum(addWords(pseudo, words, start, end)) !== 0xffff) return failed("bad-checksum");
  const type = bytes[start]!;
  const code = bytes[start + 1]!;
  into.meaning = packet.family === 4 ? meaningOfV4(type, code) : meaningOfV6(type, code);
  into.identifier = readUint16(bytes, start + 4);
  into.sequence = readUint16(bytes, start + 6);
  into.mtuBytes = 0;
  if (into.meaning === "packet-too-big") {
    // RFC 1191 §4 uses the last two bytes of the word, RFC 4443 §3.2 all four; no inner MTU needs more than two.
    into.mtuBytes = packet.family === 6 && into.identifier !== 0 ? 0xffff : into.sequence;
  }
  into.bodyStart = start + ICMP_HEADER_BYTES;
  into.bodyEnd = end;
  return { ok: true, value: into };
}

function meaningOfV4(type: number, code: number): IcmpMeaning {
  if (type === 8) return "echo-request";
  if (type === 0) return "echo-reply";
  if (type === 11) return "host-unreachable";
  if (type !== 3) return "other";
  if (code === 2 || code === 3) return "port-unreachable";
  if (code === 4) return "packet-too-big";
  if (code === 9 || code === 10 || code === 13) return "prohibited";
  return "host-unreachable";
}

function meaningOfV6(type: number, code: number): IcmpMeaning {
  if (type === 128) return "echo-request";
  if (type === 129) return "echo-reply";
  if (type === 2) return "packet-too-big";
  if (type === 3) return "host-unreachable";
  if (type !== 1) return "other";
  if (code === 4) return "port-unreachable";
  if (code === 1 || code === 5 || code === 6) return "prohibited";
  return "host-unreachable";
}

export type IcmpToWrite = "echo-request" | "echo-reply" | "port-unreachable" | "host-unreachable";

const V4_TYPES: Record<IcmpToWrite, readonly [number, number]> = {
  "echo-request": [8, 0],
  "echo-reply": [0, 0],
  "port-unreachable": [3, 3],
  "host-unreachable": [3, 1],
};
const V6_TYPES: Record<IcmpToWrite, readonly [number, number]> = {
  "echo-request": [128, 0],
  "echo-reply": [129, 0],
  "port-unreachable": [1, 4],
  "host-unreachable": [1, 3],
};

/** Writes the header and checksum of a message whose body already lies behind it. `length` counts both. */
export function writeIcmpHeader(
  buffer: PacketBuffer,
  start: number,
  length: number,
  family: 4 | 6,
  message: IcmpToWrite,
  identifier: number,
  sequence: number,
  addressSum: number,
): void {
  const { bytes, words } = buffer;
  const [type, code] = (family === 4 ? V4_TYPES : V6_TYPES)[message];
  bytes[start] = type;
  bytes[start + 1] = code;
  writeUint16(bytes, start + 2, 0);
  writeUint16(bytes, start + 4, identifier);
  writeUint16(bytes, start + 6, sequence);
  const pseudo = family === 6 ? addressSum + networkWord(PROTOCOL_ICMPV6) + networkWord(length) : 0;
  words[(start + 2) >> 1] = checksumOf(addWords(pseudo, words, start, start + length));
}
