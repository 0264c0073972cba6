import { MAX_SACK_BLOCKS } from "../wire/tcp-segment.ts";
import { isAfter, isBefore, laterOf } from "./sequence.ts";

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** Contiguous bytes beyond a hole. */
interface Range {
  start: number;
  end: number;
  readonly pieces: Piece[];
  /** Larger is more recent: RFC 2018 §4 wants the newest block first. */
  touched: number;
}

/** A segment of one byte costs as much to keep as one of 1,400: the number of pieces is bounded besides the window. */
const MAX_PIECES = 8192;

/**
 * Segments that arrived before something in front of them. Bytes are kept once: overlaps are cut when they come in. The
 * window bounds how many bytes there can be.
 */
export class Reassembly {
  readonly #ranges: Range[] = [];
  #touches = 0;
  #pieces = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#ranges.length === 0;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Keeps a copy of `source[from, to)`, whose first byte has sequence number `start`.
   * @returns false when all of it was here already
   */
  insert(start: number, source: Uint8Array, from: number, to: number): boolean {
    const end = (start + to - from) | 0;
    const ranges = this.#ranges;
    // Almost always the newest range grows, so look from the back.
    let at = ranges.length;
    while (at > 0 && isAfter(ranges[at - 1]!.start, start)) at -= 1;
    // ranges[at - 1] starts at or before us, ranges[at] after us.
    let cursor = start;
    let grew = false;
    const before = ranges[at - 1];
    let range: Range | undefined;
    if (before !== undefined && !isBefore(before.end, start)) {
      range = before;
      cursor = laterOf(cursor, before.end);
    }
    while (isBefore(cursor, end)) {
      const next = ranges[at];
      const stop = next !== undefined && isBefore(next.start, end) ? next.start : end;
      if (isBefore(cursor, stop)) {
        if (this.#pieces >= MAX_PIECES) return true;
        const offset = from + ((cursor - start) | 0);
        const bytes = Buffer.allocUnsafe((stop - cursor) | 0);
        bytes.set(source.subarray(offset, offset + bytes.length));
        if (range === undefined) {
          range = { start: cursor, end: cursor, pieces: [], touched: 0 };
          ranges.splice(at, 0, range);
          at += 1;
        }
        range.pieces.push({ start: cursor, end: stop, bytes });
        range.end = stop;
        this.#pieces += 1;
        this.#bytes += bytes.length;
        grew = true;
        cursor = stop;
      }
      // Swallow the range we have just met, then go on behind it.
      const met = ranges[at];
      if (met !== undefined && range !== undefined && met.start === range.end) {
        for (const piece of met.pieces) range.pieces.push(piece);
        range.end = met.end;
        ranges.splice(at, 1);
        cursor = laterOf(cursor, range.end);
      }
    }
    const met = ranges[at];
    if (met !== undefined && range !== undefined && met.start === range.end) {
      for (const piece of met.pieces) range.pieces.push(piece);
      range.end = met.end;
      ranges.splice(at, 1);
    }
    if (range !== undefined) {
      this.#touches += 1;
      range.touched = this.#touches;
    }
    return grew;
  }

  /**
   * Hands over what has become contiguous with `next`.
   * @param take called with bytes in order
   * @returns the sequence number after the last byte taken
   */
  drain(next: number, take: (bytes: Uint8Array, from: number, to: number) => void): number {
    let cursor = next;
    for (;;) {
      const range = this.#ranges[0];
      if (range === undefined || isAfter(range.start, cursor)) return cursor;
      this.#ranges.shift();
      for (const piece of range.pieces) {
        this.#pieces -= 1;
        this.#bytes -= piece.bytes.length;
        if (!isAfter(piece.end, cursor)) continue;
        const skip = Math.max(0, (cursor - piece.start) | 0);
        take(piece.bytes, skip, piece.bytes.length);
        cursor = piece.end;
      }
    }
  }

  /**
   * Writes the blocks to report, newest first, behind `used` blocks already there.
   * @returns the number of blocks in `edges` now
   */
  sackBlocks(edges: Int32Array, used: number, maxBlocks: number): number {
    let blocks = used;
    let below = Number.POSITIVE_INFINITY;
    while (blocks < Math.min(maxBlocks, MAX_SACK_BLOCKS)) {
      let newest: Range | undefined;
      for (const range of this.#ranges) {
        if (range.touched < below && (newest === undefined || range.touched > newest.touched)) newest = range;
      }
      if (newest === undefined) break;
      below = newest.touched;
      edges[blocks * 2] = newest.start;
      edges[blocks * 2 + 1] = newest.end;
      blocks += 1;
    }
    return blocks;
  }

  /** True when all of `[start, end)` is here. */
  holds(start: number, end: number): boolean {
    for (const range of this.#ranges) {
      if (!isAfter(range.start, start) && !isBefore(range.end, end)) return true;
    }
    return false;
  }

  clear(): void {
    this.#ranges.length = 0;
    this.#pieces = 0;
    this.#bytes = 0;
  }
}
