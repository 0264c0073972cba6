import { Reassembly } from "./reassembly.ts";
import { ReceiveQueue } from "./receive-queue.ts";
import { isAfter, isBefore } from "./sequence.ts";
import type { WindowBudget } from "./window-budget.ts";

/** Every connection starts with this much room and may ask the budget for more. */
export const INITIAL_RECEIVE_WINDOW_BYTES = 256 * 1024;
export const MAX_RECEIVE_WINDOW_BYTES = 4 * 1024 * 1024;
/** 65,535 << 7 covers the largest window with steps of 128 bytes. */
export const WINDOW_SHIFT = 7;

/** RFC 9293 §3.8.6.3 allows half a second; longer than Linux's minimum only wastes the peer's time. */
const DELAYED_ACK_MS = 40;
/** After something irregular, the next few segments are acknowledged at once: the sender may be down to one in flight. */
const QUICK_ACKS = 8;
/** Windows grow when one of them is read within a round trip; shorter trips than this are not told apart. */
const AUTOTUNE_PERIOD_MIN_MS = 10;

/**
 * The receiving half of a connection: puts bytes in order, decides when to acknowledge and how much room to offer.
 */
export class Receiver {
  readonly queue = new ReceiveQueue();
  readonly reassembly = new Reassembly();
  readonly #budget: WindowBudget;

  /** Next sequence number expected. */
  next = 0;
  /** First sequence number for which we promised no room. It never moves back. */
  windowEnd = 0;
  /** Shift count the peer applies to our window field; 0 when it does not scale. */
  shift = 0;
  #limitBytes = INITIAL_RECEIVE_WINDOW_BYTES;
  #budgetedBytes = 0;
  #finAt: number | undefined;
  #finReached = false;

  #unacknowledgedBytes = 0;
  #largestSegment = 536;
  #quickAcks = 0;
  #ackNow = false;
  ackDeadlineMs = Number.POSITIVE_INFINITY;
  /** `next` as last told to the peer. */
  lastAcknowledged = 0;

  /** A duplicate to report (RFC 2883). */
  duplicateStart = 0;
  duplicateEnd = 0;
  hasDuplicate = false;

  #readInPeriod = 0;
  #periodStartMs = 0;

  constructor(budget: WindowBudget) {
    this.#budget = budget;
  }

  /** @param first sequence number of the first byte of data */
  start(first: number, peerScales: boolean): void {
    this.next = first;
    this.lastAcknowledged = first;
    this.shift = peerScales ? WINDOW_SHIFT : 0;
    if (!peerScales) this.#limitBytes = 65_535;
    // The window in a SYN is never scaled.
    this.windowEnd = (first + Math.min(65_535, this.#limitBytes)) | 0;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** Bytes held in order and out of order. */
  get heldBytes(): number {
    return this.queue.length + this.reassembly.bytes;
  }

  /** True once the peer's FIN and everything before it have arrived. */
  get finished(): boolean {
    return this.#finReached;
  }

  get mustAckNow(): boolean {
    return this.#ackNow;
  }

  /** Acknowledge with the next chance, whatever the timers say. */
  askForAck(): void {
    this.#ackNow = true;
  }

  /** Takes the payload `source[from, to)` whose first byte is `sequence`, and the FIN behind it. */
  take(sequence: number, source: Uint8Array, from: number, to: number, fin: boolean, nowMs: number): void {
    let start = sequence;
    let begin = from;
    let stop = to;
    let hasFin = fin;
    const end = (sequence + to - from) | 0;
    if (isAfter(end, this.windowEnd)) {
      // More than we promised room for; a zero-window probe with data looks like this too.
      stop -= (end - this.windowEnd) | 0;
      hasFin = false;
      this.#ackNow = true;
    }
    if (isBefore(start, this.next)) {
      const old = Math.min((this.next - start) | 0, stop - begin);
      this.#reportDuplicate(start, (start + old) | 0);
      start = (start + old) | 0;
      begin += old;
    }
    if (hasFin && this.#finAt === undefined) this.#finAt = end;
    if (begin < stop) {
      if (stop - begin > this.#largestSegment) this.#largestSegment = stop - begin;
      if (start === this.next) this.#takeInOrder(source, begin, stop, nowMs);
      else this.#takeOutOfOrder(start, source, begin, stop);
    }
    if (this.#finAt !== undefined && this.next === this.#finAt && !this.#finReached) {
      this.#finReached = true;
      this.next = (this.next + 1) | 0;
      this.#ackNow = true;
    } else if (fin && this.#finReached) {
      this.#ackNow = true;
    }
  }

  #takeInOrder(source: Uint8Array, from: number, to: number, nowMs: number): void {
    this.queue.append(source, from, to);
    this.next = (this.next + to - from) | 0;
    this.#unacknowledgedBytes += to - from;
    if (!this.reassembly.isEmpty) {
      // RFC 5681 §4.2: filling a hole is acknowledged at once.
      this.next = this.reassembly.drain(this.next, this.#append);
      this.#irregular();
    }
    if (this.#quickAcks > 0) {
      this.#quickAcks -= 1;
      this.#ackNow = true;
    } else if (this.#unacknowledgedBytes >= 2 * this.#largestSegment) {
      this.#ackNow = true;
    } else if (this.ackDeadlineMs === Number.POSITIVE_INFINITY) {
      this.ackDeadlineMs = nowMs + DELAYED_ACK_MS;
    }
  }

  readonly #append = (bytes: Uint8Array, from: number, to: number): void => {
    this.queue.append(bytes, from, to);
  };

  #takeOutOfOrder(start: number, source: Uint8Array, from: number, to: number): void {
    if (!this.reassembly.insert(start, source, from, to))
      this.#reportDuplicate(start, (start + to - from) | 0);
    this.#irregular();
  }

  #reportDuplicate(start: number, end: number): void {
    if (start === end) return;
    this.hasDuplicate = true;
    this.duplicateStart = start;
    this.duplicateEnd = end;
    this.#irregular();
  }

  #irregular(): void {
    this.#ackNow = true;
    this.#quickAcks = QUICK_ACKS;
  }

  /**
   * The window to put into a segment that leaves now; moves the promised edge. The field is `(windowEnd - next) >> shift`.
   */
  offerWindow(): number {
    const promised = Math.max(0, (this.windowEnd - this.next) | 0);
    // What is held out of order lies inside the window and needs no room of its own.
    let offered = Math.max(0, this.#limitBytes - this.queue.length);
    // The edge stands still or moves by worthwhile steps (RFC 9293 §3.8.6.2.2), and never back.
    if (offered < promised + Math.min(this.#limitBytes >> 1, 2 * this.#largestSegment)) offered = promised;
    offered = Math.min(offered, 65_535 << this.shift);
    // The field has steps of 2^shift. Rounding down may look like taking a few bytes back (RFC 7323 §2.4); we still accept
    // them. Rounding up would promise memory anew with every acknowledgement.
    const field = offered >>> this.shift;
    const end = (this.next + (field << this.shift)) | 0;
    if (isAfter(end, this.windowEnd)) this.windowEnd = end;
    return field;
  }

  /** An acknowledgement left. */
  acknowledged(): void {
    this.#ackNow = false;
    this.#unacknowledgedBytes = 0;
    this.ackDeadlineMs = Number.POSITIVE_INFINITY;
    this.lastAcknowledged = this.next;
    this.hasDuplicate = false;
  }

  /**
   * The application has read `bytes`. Offers a larger window when it reads faster than the present one lets the peer send
   * (dynamic right-sizing), and tells the peer when a nearly closed window has opened again.
   */
  consumed(bytes: number, roundTripMs: number, nowMs: number): void {
    this.#readInPeriod += bytes;
    const periodMs = Math.max(roundTripMs, AUTOTUNE_PERIOD_MIN_MS);
    if (this.#readInPeriod * 2 > this.#limitBytes && nowMs - this.#periodStartMs < periodMs) this.#grow();
    if (nowMs - this.#periodStartMs >= periodMs) {
      this.#periodStartMs = nowMs;
      this.#readInPeriod = 0;
    }
    if (this.#finReached) return;
    const promised = Math.max(0, (this.windowEnd - this.next) | 0);
    const gained = this.#limitBytes - this.queue.length - promised;
    // RFC 9293 §3.8.6.2.2: only worthwhile steps; a window that is still wide needs none, data will carry the news.
    if (gained >= Math.min(this.#limitBytes >> 2, Math.max(2 * this.#largestSegment, promised)))
      this.#ackNow = true;
  }

  #grow(): void {
    this.#readInPeriod = 0;
    const more = Math.min(this.#limitBytes, MAX_RECEIVE_WINDOW_BYTES - this.#limitBytes);
    if (this.shift === 0 || more <= 0 || !this.#budget.take(more)) return;
    this.#limitBytes += more;
    this.#budgetedBytes += more;
  }

  /** True when an acknowledgement has more to say than a number: SACK blocks. */
  get hasSackNews(): boolean {
    return this.hasDuplicate || !this.reassembly.isEmpty;
  }

  /** The connection is over: what is out of order will never be complete. Bytes in order stay readable. */
  end(): void {
    this.reassembly.clear();
    this.#budget.give(this.#budgetedBytes);
    this.#limitBytes -= this.#budgetedBytes;
    this.#budgetedBytes = 0;
    this.acknowledged();
  }
}
