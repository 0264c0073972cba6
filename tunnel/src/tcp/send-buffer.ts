const MIN_RING_BYTES = 4096;
/** An empty buffer gives larger rings back, so that an idle connection after a big upload costs little. */
const KEPT_WHEN_EMPTY_BYTES = 16 * 1024;

/**
 * Bytes the application wrote that the peer has not acknowledged, in a ring that grows in powers of two. Bytes are copied in
 * because a writer may reuse its memory as soon as its callback ran, while a retransmission can come minutes later.
 */
export class SendBuffer {
  #ring: Uint8Array = EMPTY;
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Memory held, in bytes. */
  get capacity(): number {
    return this.#ring.length;
  }

  /** Takes all of `bytes`; the caller keeps to its limit. */
  append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#ring.length) this.#grow(needed);
    const mask = this.#ring.length - 1;
    const tail = (this.#head + this.#length) & mask;
    const firstPart = Math.min(bytes.length, this.#ring.length - tail);
    if (firstPart === bytes.length) {
      this.#ring.set(bytes, tail);
    } else {
      this.#ring.set(bytes.subarray(0, firstPart), tail);
      this.#ring.set(bytes.subarray(firstPart), 0);
    }
    this.#length = needed;
  }

  /** Copies `length` bytes from `offset` after the oldest one to `target` at `at`. */
  copyTo(offset: number, length: number, target: Uint8Array, at: number): void {
    const mask = this.#ring.length - 1;
    const from = (this.#head + offset) & mask;
    const firstPart = Math.min(length, this.#ring.length - from);
    target.set(this.#ring.subarray(from, from + firstPart), at);
    if (firstPart < length) target.set(this.#ring.subarray(0, length - firstPart), at + firstPart);
  }

  /** Forgets the oldest `count` bytes. */
  release(count: number): void {
    this.#length -= count;
    if (this.#length > 0) {
      this.#head = (this.#head + count) & (this.#ring.length - 1);
      return;
    }
    this.#head = 0;
    if (this.#ring.length > KEPT_WHEN_EMPTY_BYTES) this.#ring = EMPTY;
  }

  clear(): void {
    this.#ring = EMPTY;
    this.#head = 0;
    this.#length = 0;
  }

  #grow(needed: number): void {
    let capacity = Math.max(MIN_RING_BYTES, this.#ring.length);
    while (capacity < needed) capacity *= 2;
    const ring = Buffer.allocUnsafeSlow(capacity);
    const length = this.#length;
    if (length > 0) this.copyTo(0, length, ring, 0);
    this.#ring = ring;
    this.#head = 0;
  }
}
const EMPTY = new Uint8Array(0);
