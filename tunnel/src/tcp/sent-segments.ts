import { isBefore } from "./sequence.ts";

export const SACKED = 1;
export const LOST = 2;
export const RETRANSMITTED = 4;
/** The last unit of the segment is our FIN, not a byte. */
export const HAS_FIN = 8;

const FIRST_CAPACITY = 16;
const NO_INTS = new Int32Array(0);
const NO_DOUBLES = new Float64Array(0);
const NO_BYTES = new Uint8Array(0);

/**
 * The scoreboard (RFC 6675): every segment in flight in sequence order, without gaps. A ring of parallel arrays, so that a
 * segment costs no object. `index` counts from the oldest segment.
 */
export class SentSegments {
  // Empty until something is sent: many connections only ever receive, or are over before they say much.
  #start = NO_INTS;
  #end = NO_INTS;
  #sentMs = NO_DOUBLES;
  #flags = NO_BYTES;
  #head = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  push(start: number, end: number, sentMs: number, flags: number): void {
    if (this.#count === this.#start.length) this.#resize(Math.max(FIRST_CAPACITY, this.#count * 2));
    const at = this.#at(this.#count);
    this.#start[at] = start;
    this.#end[at] = end;
    this.#sentMs[at] = sentMs;
    this.#flags[at] = flags;
    this.#count += 1;
  }

  /** Drops the oldest segment. */
  shift(): void {
    this.#head = (this.#head + 1) & (this.#start.length - 1);
    this.#count -= 1;
    if (this.#count === 0 && this.#start.length > 1024) this.#resize(FIRST_CAPACITY);
  }

  start(index: number): number {
    return this.#start[this.#at(index)]!;
  }

  end(index: number): number {
    return this.#end[this.#at(index)]!;
  }

  bytes(index: number): number {
    const at = this.#at(index);
    return (this.#end[at]! - this.#start[at]!) | 0;
  }

  sentMs(index: number): number {
    return this.#sentMs[this.#at(index)]!;
  }

  flags(index: number): number {
    return this.#flags[this.#at(index)]!;
  }

  setFlags(index: number, flags: number): void {
    this.#flags[this.#at(index)] = flags;
  }

  /** Notes that the segment went out again: it is no longer lost, and its time is the new one. */
  markRetransmitted(index: number, nowMs: number): void {
    const at = this.#at(index);
    this.#flags[at] = (this.#flags[at]! & ~LOST) | RETRANSMITTED;
    this.#sentMs[at] = nowMs;
  }

  /** Cuts acknowledged units off the front of the oldest segment. */
  trimOldest(start: number): void {
    this.#start[this.#at(0)] = start;
  }

  /** Index of the first segment that starts at or after `sequence`; `count` when there is none. */
  firstFrom(sequence: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.start(middle), sequence)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Splits segments longer than `maxBytes`, after the path turned out to take less than we thought. */
  splitTo(maxBytes: number): void {
    const old = { start: this.#start, end: this.#end, sentMs: this.#sentMs, flags: this.#flags };
    const positions: number[] = [];
    for (let index = 0; index < this.#count; index += 1) positions.push(this.#at(index));
    this.clear();
    for (const at of positions) {
      let start = old.start[at]!;
      const end = old.end[at]!;
      const flags = old.flags[at]!;
      while (((end - start) | 0) > maxBytes) {
        const middle = (start + maxBytes) | 0;
        this.push(start, middle, old.sentMs[at]!, flags & ~HAS_FIN);
        start = middle;
      }
      this.push(start, end, old.sentMs[at]!, flags);
    }
  }

  clear(): void {
    this.#start = NO_INTS;
    this.#end = NO_INTS;
    this.#sentMs = NO_DOUBLES;
    this.#flags = NO_BYTES;
    this.#head = 0;
    this.#count = 0;
  }

  #at(index: number): number {
    return (this.#head + index) & (this.#start.length - 1);
  }

  #resize(capacity: number): void {
    const start = new Int32Array(capacity);
    const end = new Int32Array(capacity);
    const sentMs = new Float64Array(capacity);
    const flags = new Uint8Array(capacity);
    for (let index = 0; index < this.#count; index += 1) {
      const at = this.#at(index);
      start[index] = this.#start[at]!;
      end[index] = this.#end[at]!;
      sentMs[index] = this.#sentMs[at]!;
      flags[index] = this.#flags[at]!;
    }
    this.#start = start;
    this.#end = end;
    this.#sentMs = sentMs;
    this.#flags = flags;
    this.#head = 0;
  }
}
