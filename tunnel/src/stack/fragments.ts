import type { IpPacket } from "../wire/ip-packet.ts";
import { PacketBuffer } from "../wire/packet-buffer.ts";

/** Incomplete packets kept at a time; the oldest makes room. With the size of each that is 4 MiB at most. */
const MAX_INCOMPLETE = 64;
/** RFC 1122 §3.3.2 recommends 60 to 120 s; on a tunnel a part that is seconds late is lost. */
const LIFETIME_MS = 10_000;
const MAX_PAYLOAD_BYTES = 65_535;
/** A fragment carries at least 8 bytes, but nobody cuts that fine. */
const MAX_PARTS = 128;

interface Part {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

interface Incomplete {
  readonly sinceMs: number;
  readonly parts: Part[];
  bytes: number;
  /** Known once the last part is here. */
  totalBytes: number | undefined;
}

/**
 * Puts fragmented packets together: UDP datagrams larger than the MTU arrive this way. Overlapping parts are an attack or a
 * fault, and cost the whole packet (RFC 5722).
 */
export class Fragments {
  // In order of arrival of the first part, which is the order of expiry.
  readonly #incomplete = new Map<string, Incomplete>();

  /** Incomplete packets held. */
  get size(): number {
    return this.#incomplete.size;
  }

  /**
   * Takes in one part. When it was the last one missing, `packet` describes the whole afterwards.
   * @returns the memory of the whole packet, undefined while parts are missing
   */
  add(buffer: PacketBuffer, packet: IpPacket, nowMs: number): PacketBuffer | undefined {
    this.#expire(nowMs);
    const offset = packet.fragmentOffset;
    const bytes = buffer.bytes.slice(packet.payloadStart, packet.payloadEnd);
    const end = offset + bytes.length;
    const misshapen =
      bytes.length === 0 || end > MAX_PAYLOAD_BYTES || (packet.moreFragments && bytes.length % 8 !== 0);
    if (misshapen) return undefined;
    const key = keyOf(packet);
    let incomplete = this.#incomplete.get(key);
    if (incomplete === undefined) {
      if (this.#incomplete.size >= MAX_INCOMPLETE) this.#dropOldest();
      incomplete = { sinceMs: nowMs, parts: [], bytes: 0, totalBytes: undefined };
      this.#incomplete.set(key, incomplete);
    }
    const { parts } = incomplete;
    if (parts.some((part) => part.offset === offset && part.bytes.length === bytes.length)) return undefined;
    const overlaps = parts.some((part) => offset < part.offset + part.bytes.length && part.offset < end);
    const secondEnd = !packet.moreFragments && incomplete.totalBytes !== undefined;
    const totalBytes = packet.moreFragments ? incomplete.totalBytes : end;
    const beyondEnd =
      totalBytes !== undefined &&
      (end > totalBytes || parts.some((part) => part.offset + part.bytes.length > totalBytes));
    if (overlaps || secondEnd || beyondEnd || parts.length >= MAX_PARTS) {
      this.#incomplete.delete(key);
      return undefined;
    }
    parts.push({ offset, bytes });
    incomplete.bytes += bytes.length;
    incomplete.totalBytes = totalBytes;
    if (incomplete.bytes !== incomplete.totalBytes) return undefined;
    this.#incomplete.delete(key);
    return assemble(incomplete, buffer, packet);
  }

  #expire(nowMs: number): void {
    for (const [key, { sinceMs }] of this.#incomplete) {
      if (nowMs - sinceMs < LIFETIME_MS) return;
      this.#incomplete.delete(key);
    }
  }

  #dropOldest(): void {
    for (const key of this.#incomplete.keys()) {
      this.#incomplete.delete(key);
      return;
    }
  }
}

/** The payload goes where the parts had theirs, behind the header of the part that came last. */
function assemble({ parts, bytes }: Incomplete, last: PacketBuffer, packet: IpPacket): PacketBuffer {
  const start = packet.payloadStart;
  const whole = new PacketBuffer(start + bytes);
  whole.bytes.set(last.bytes.subarray(0, start));
  for (const part of parts) whole.bytes.set(part.bytes, start + part.offset);
  packet.payloadEnd = start + bytes;
  packet.isFragment = false;
  return whole;
}

function keyOf(packet: IpPacket): string {
  const { family, protocol, identification, source0, source1, source2, source3 } = packet;
  const { destination0, destination1, destination2, destination3 } = packet;
  const from = `${source0},${source1},${source2},${source3}`;
  return `${family} ${protocol} ${identification} ${from} ${destination0},${destination1},${destination2},${destination3}`;
}
