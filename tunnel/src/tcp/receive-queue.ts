const MIN_SHARED_CHUNK_BYTES = 16 * 1024;
const MAX_CHUNK_BYTES = 64 * 1024;

interface Chunk {
  readonly bytes: Buffer;
  start: number;
  end: number;
}

/**
 * Bytes in order that the application has not read. Payloads are copied out of the packet buffer into chunks: one of exact
 * size for a lone segment, and shared ones, as large as the last burst was, while more keep coming. So a burst reaches the
 * stream as one or two large buffers, and a stalled reader pins about what it has not read.
 */
export class ReceiveQueue {
  readonly #chunks: Chunk[] = [];
  #first = 0;
  #length = 0;
  #burstBytes = 0;
  #lastBurstBytes = 0;

  get length(): number {
    return this.#length;
  }

  append(source: Uint8Array, start: number, end: number): void {
    let from = start;
    const tail = this.#chunks[this.#chunks.length - 1];
    if (tail !== undefined) {
      const room = Math.min(tail.bytes.length - tail.end, end - from);
      if (room > 0) {
        tail.bytes.set(source.subarray(from, from + room), tail.end);
        tail.end += room;
        from += room;
      }
    }
    this.#length += end - start;
    this.#burstBytes += end - start;
    if (from === end) return;
    const needed = end - from;
    const capacity = this.#capacityFor(needed, tail === undefined);
    // Small chunks come from Node's pool; large ones must not be cut from it.
    const bytes = capacity < 2048 ? Buffer.allocUnsafe(capacity) : Buffer.allocUnsafeSlow(capacity);
    bytes.set(source.subarray(from, end), 0);
    this.#chunks.push({ bytes, start: 0, end: needed });
  }

  /** The oldest bytes in one piece, at most `maxBytes`; undefined when there are none. The caller owns the memory. */
  read(maxBytes: number): Buffer | undefined {
    const chunk = this.#chunks[this.#first];
    if (chunk === undefined) return undefined;
    const end = Math.min(chunk.end, chunk.start + maxBytes);
    const piece = chunk.bytes.subarray(chunk.start, end);
    this.#length -= end - chunk.start;
    chunk.start = end;
    if (chunk.start === chunk.end) this.#shift();
    return piece;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#first = 0;
    this.#length = 0;
  }

  #capacityFor(needed: number, isFirst: boolean): number {
    const expected = isFirst ? this.#lastBurstBytes : Math.max(MIN_SHARED_CHUNK_BYTES, this.#burstBytes);
    return expected < needed * 2 ? needed : Math.min(MAX_CHUNK_BYTES, expected);
  }

  #shift(): void {
    this.#first += 1;
    if (this.#first === this.#chunks.length) {
      this.#chunks.length = 0;
      this.#first = 0;
      this.#lastBurstBytes = this.#burstBytes;
      this.#burstBytes = 0;
    } else if (this.#first > 32) {
      this.#chunks.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
