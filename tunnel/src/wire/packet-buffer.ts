/** Room for one datagram: the largest inner packet we handle plus WireGuard's header and tag. */
export const PACKET_BUFFER_BYTES = 65_536 + 64;

/**
 * Memory for one packet, looked at as bytes and as 16-bit words (checksums). Views of a prefix or of a range are made
 * once per length and kept: bulk traffic has a handful of lengths, so the hot path allocates nothing.
 */
export class PacketBuffer {
  readonly bytes: Uint8Array;
  readonly words: Uint16Array;
  readonly #viewsByStart = new Map<number, (Uint8Array | undefined)[]>();

  constructor(capacityBytes: number = PACKET_BUFFER_BYTES) {
    const memory = new ArrayBuffer(capacityBytes + (capacityBytes & 1));
    this.bytes = new Uint8Array(memory);
    this.words = new Uint16Array(memory);
  }

  /** A view of `[start, end)`. Callers use a few fixed starts (0 for a datagram, 16 for its payload). */
  view(start: number, end: number): Uint8Array {
    let views = this.#viewsByStart.get(start);
    if (views === undefined) {
      views = [];
      this.#viewsByStart.set(start, views);
    }
    // Jumbo lengths are rare and would make the table sparse; they pay for a view of their own.
    if (end > 2048) return this.bytes.subarray(start, end);
    const view = views[end];
    if (view !== undefined) return view;
    while (views.length < end) views.push(undefined);
    const made = this.bytes.subarray(start, end);
    views[end] = made;
    return made;
  }
}
