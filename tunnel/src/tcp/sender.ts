import { Congestion } from "./congestion.ts";
import { RoundTripTime } from "./retransmit.ts";
import { SendBuffer } from "./send-buffer.ts";
import { HAS_FIN, LOST, RETRANSMITTED, SACKED, SentSegments } from "./sent-segments.ts";
import { isAfter, isBefore, laterOf } from "./sequence.ts";

/** What the sender needs to put a segment on the wire. `offset` and `length` are in the send buffer. */
export interface SegmentWriter {
  writeData(sequence: number, offset: number, length: number, fin: boolean, push: boolean): void;
  /** An empty segment just before the window: whoever is there answers with an acknowledgement. */
  writeProbe(sequence: number): void;
}

/** At most this much leaves per turn of the event loop and connection, so that acknowledgements get read in between. */
const BURST_SEGMENTS = 32;
/** RFC 8985 §7.3: a lone segment may sit in the peer's delayed-acknowledgement timer. */
const PEER_DELAYED_ACK_MS = 50;
/** Room for the resolution of timers in a tail loss probe's timeout. */
const PROBE_SLACK_MS = 2;
const REORDERING_SEGMENTS = 3;
const MAX_PROBE_INTERVAL_MS = 60_000;

type RetransmitTimer = "none" | "timeout" | "tail-probe" | "zero-window";

/**
 * The sending half of a connection: what is in flight, what was lost (RACK-TLP, RFC 8985, over SACK), how much may go
 * (congestion window, proportional rate reduction per RFC 6937, the peer's window), and when to try again (RFC 6298).
 *
 * `acknowledge` only takes notes. `update` draws the conclusions once per batch of segments, `transmit` sends.
 */
export class Sender {
  readonly buffer = new SendBuffer();
  readonly rtt = new RoundTripTime();
  readonly congestion: Congestion;
  readonly #writer: SegmentWriter;
  readonly #segments = new SentSegments();

  /** Oldest unacknowledged sequence number; with data in the buffer, that of its first byte. */
  una: number;
  /** Next sequence number to send. */
  next: number;
  /** First sequence number the peer has no room for. */
  windowEnd: number;
  #largestWindow = 0;
  mss: number;
  noDelay = true;
  /** True once `finish` was called: no more data will come, a FIN follows the last byte. */
  finishing = false;
  #finSent = false;
  #finAcked = false;
  #canSack = true;

  #duplicates = 0;
  #sackedBytes = 0;
  #sackedSegments = 0;
  #lostBytes = 0;
  #firstMaybeLost = 0;
  #highestSacked: number;

  #recovering = false;
  #recoveryAfterTimeout = false;
  #recoveryEnd: number;
  #reducedDelivered = 0;
  #reducedSent = 0;
  #inFlightAtLoss = 0;
  /** Retransmissions of this recovery not yet reported as duplicates; -1 when the recovery cannot be undone. */
  #unexplainedRetransmissions = -1;

  // RACK state (RFC 8985 §5.2).
  #rackSentMs = Number.NEGATIVE_INFINITY;
  #rackEnd: number;
  #rackRttMs = 0;
  #reorderingSeen = false;
  #reorderingSteps = 1;
  #reorderingKeptFor = 0;
  #lastStepEnd: number;
  #mustDetect = false;

  #probeEnd: number | undefined;
  #probeWasRetransmission = false;

  // Notes of the current batch.
  #deliveredInBatch = 0;
  #ackedInBatch = 0;
  #batchRttMs = 0;
  #wasLimited = false;

  #timer: RetransmitTimer = "none";
  #timerMs = Number.POSITIVE_INFINITY;
  #reorderTimerMs = Number.POSITIVE_INFINITY;
  #stalledSinceMs = -1;
  #zeroWindowProbes = 0;
  #unansweredProbes = 0;
  #lastSentMs = 0;

  /** @param first sequence number of the first byte of data */
  constructor(writer: SegmentWriter, mss: number, first: number) {
    this.#writer = writer;
    this.mss = mss;
    this.congestion = new Congestion(mss);
    this.una = first;
    this.next = first;
    this.windowEnd = first;
    this.#highestSacked = first;
    this.#recoveryEnd = first;
    this.#rackEnd = first;
    this.#lastStepEnd = first;
  }

  /** The peer's options are known: its segment size and whether it understands SACK. */
  negotiated(mss: number, canSack: boolean, windowBytes: number): void {
    this.mss = mss;
    this.congestion.setMss(mss);
    this.congestion.setWindow(10 * mss);
    this.#canSack = canSack;
    this.#setWindow(windowBytes);
  }

  get bytesInFlight(): number {
    return ((this.next - this.una) | 0) - this.#sackedBytes - this.#lostBytes;
  }

  get finAcked(): boolean {
    return this.#finAcked;
  }

  get finSent(): boolean {
    return this.#finSent;
  }

  /** True when everything written, and the FIN if there is one, has been acknowledged. */
  get isIdle(): boolean {
    return this.buffer.length === 0 && this.#segments.count === 0 && (!this.finishing || this.#finAcked);
  }

  /** When the retransmission timer last began to expire without progress; -1 while the peer answers. */
  get stalledSinceMs(): number {
    return this.#stalledSinceMs;
  }

  /** How often a timer of ours expired in a row without anything advancing. */
  get expiries(): number {
    return Math.max(this.rtt.backoffs, this.#unansweredProbes);
  }

  get deadlineMs(): number {
    return Math.min(this.#timerMs, this.#reorderTimerMs);
  }

  /** The window from a segment that is newer than the last one used. */
  updateWindow(windowBytes: number): void {
    this.#setWindow(windowBytes);
    if (this.#timer === "zero-window" && isAfter(this.windowEnd, this.next)) this.#disarm();
  }

  #setWindow(windowBytes: number): void {
    this.windowEnd = (this.una + windowBytes) | 0;
    if (windowBytes > this.#largestWindow) this.#largestWindow = windowBytes;
  }

  /** Largest window the peer ever offered, for judging old acknowledgements (RFC 5961 §5). */
  get largestWindow(): number {
    return this.#largestWindow;
  }

  /**
   * Notes an acknowledgement with its SACK blocks. `ack` is at or after `una` and not beyond `next`.
   * @returns true when it acknowledged something new in sequence
   */
  acknowledge(ack: number, sackEdges: Int32Array, sackBlocks: number, nowMs: number): boolean {
    const advanced = isAfter(ack, this.una);
    let sampleSentMs = -1;
    let duplicateReported = false;
    if (advanced) sampleSentMs = this.#acknowledgeUpTo(ack, nowMs);
    for (let block = 0; block < sackBlocks; block += 1) {
      const start = sackEdges[block * 2]!;
      const end = sackEdges[block * 2 + 1]!;
      if (block === 0 && this.#isDuplicateReport(start, end, ack, sackEdges, sackBlocks)) {
        duplicateReported = true;
        continue;
      }
      if (!isAfter(end, ack) || !isBefore(start, end) || isAfter(end, this.next) || isBefore(start, this.una))
        continue;
      const sentMs = this.#acknowledgeBlock(start, end, nowMs);
      if (sentMs > sampleSentMs) sampleSentMs = sentMs;
    }
    if (sampleSentMs >= 0) {
      const rttMs = nowMs - sampleSentMs;
      this.rtt.sample(rttMs, nowMs);
      if (this.#batchRttMs === 0 || rttMs < this.#batchRttMs) this.#batchRttMs = Math.max(rttMs, 0.01);
    }
    if (duplicateReported) {
      this.#widenReordering();
      this.#explainRetransmission();
    }
    if (advanced) {
      this.rtt.progress();
      this.#stalledSinceMs = -1;
      this.#zeroWindowProbes = 0;
      this.#unansweredProbes = 0;
      this.#duplicates = 0;
    }
    this.#judgeTailProbe(ack, duplicateReported, nowMs);
    return advanced;
  }

  /**
   * Notes an acknowledgement that repeats the last one, from a peer without SACK: each stands for a segment that left the
   * network, and the third says that the oldest is lost (RFC 5681 §3.2).
   */
  duplicate(): void {
    if (this.#canSack || this.#segments.count === 0) return;
    this.#duplicates += 1;
    this.#deliveredInBatch += this.mss;
    if (this.#duplicates >= REORDERING_SEGMENTS && !this.#recovering) this.#loseOldest();
  }

  #loseOldest(): void {
    const flags = this.#segments.flags(0);
    if ((flags & LOST) !== 0) return;
    const inFlightBefore = this.bytesInFlight;
    this.#segments.setFlags(0, flags | LOST);
    this.#lostBytes += this.#segments.bytes(0);
    this.#firstMaybeLost = 0;
    if (!this.#recovering) this.#enterRecovery(inFlightBefore);
  }

  /** RFC 2883 §4: a first block at or below the acknowledgement, or inside the second, reports a duplicate. */
  #isDuplicateReport(start: number, end: number, ack: number, edges: Int32Array, blocks: number): boolean {
    if (!isAfter(end, ack)) return true;
    return blocks > 1 && !isBefore(start, edges[2]!) && !isAfter(end, edges[3]!);
  }

  /** @returns when the newest never-retransmitted segment among them was sent, -1 without one */
  #acknowledgeUpTo(ack: number, nowMs: number): number {
    const segments = this.#segments;
    let sampleSentMs = -1;
    while (segments.count > 0) {
      const end = segments.end(0);
      if (isAfter(end, ack)) {
        const start = segments.start(0);
        if (isBefore(start, ack)) {
          // Part of a segment: the peer has less room than we sent, or a middlebox cut it.
          const part = (ack - start) | 0;
          const flags = segments.flags(0);
          if ((flags & SACKED) !== 0) this.#sackedBytes -= part;
          if ((flags & LOST) !== 0) this.#lostBytes -= part;
          segments.trimOldest(ack);
          this.#deliveredInBatch += part;
        }
        break;
      }
      const flags = segments.flags(0);
      const bytes = segments.bytes(0);
      if ((flags & SACKED) !== 0) {
        this.#sackedBytes -= bytes;
        this.#sackedSegments -= 1;
      } else {
        if ((flags & LOST) !== 0) this.#lostBytes -= bytes;
        const sentMs = segments.sentMs(0);
        if ((flags & RETRANSMITTED) === 0) {
          if (sentMs > sampleSentMs) sampleSentMs = sentMs;
          if (isBefore(end, this.#highestSacked)) this.#reorderingSeen = true;
        }
        this.#noteDelivered(end, sentMs, flags, nowMs);
        this.#deliveredInBatch += bytes;
      }
      if ((flags & HAS_FIN) !== 0) this.#finAcked = true;
      segments.shift();
      if (this.#firstMaybeLost > 0) this.#firstMaybeLost -= 1;
    }
    const units = (ack - this.una) | 0;
    this.#ackedInBatch += units;
    this.una = ack;
    this.buffer.release(Math.min(units, this.buffer.length));
    if (isBefore(this.#highestSacked, ack)) this.#highestSacked = ack;
    return sampleSentMs;
  }

  #acknowledgeBlock(start: number, end: number, nowMs: number): number {
    const segments = this.#segments;
    let sampleSentMs = -1;
    for (let index = segments.firstFrom(start); index < segments.count; index += 1) {
      const segmentEnd = segments.end(index);
      if (isAfter(segmentEnd, end)) break;
      const flags = segments.flags(index);
      if ((flags & SACKED) !== 0) continue;
      const bytes = segments.bytes(index);
      const sentMs = segments.sentMs(index);
      if ((flags & LOST) !== 0) this.#lostBytes -= bytes;
      segments.setFlags(index, (flags & ~LOST) | SACKED);
      this.#sackedBytes += bytes;
      this.#sackedSegments += 1;
      this.#deliveredInBatch += bytes;
      if ((flags & RETRANSMITTED) === 0) {
        if (sentMs > sampleSentMs) sampleSentMs = sentMs;
        if (isBefore(segmentEnd, this.#highestSacked)) this.#reorderingSeen = true;
      }
      this.#noteDelivered(segmentEnd, sentMs, flags, nowMs);
      if (isAfter(segmentEnd, this.#highestSacked)) this.#highestSacked = segmentEnd;
    }
    return sampleSentMs;
  }

  /** RFC 8985 §6.2 step 2: remember the delivered segment that was sent last. */
  #noteDelivered(end: number, sentMs: number, flags: number, nowMs: number): void {
    const rttMs = nowMs - sentMs;
    // The acknowledgement may be for the original of a retransmission; too quick an answer says so.
    if ((flags & RETRANSMITTED) !== 0 && rttMs < this.rtt.minMs) return;
    this.#mustDetect = true;
    this.#rackRttMs = rttMs;
    if (sentMs > this.#rackSentMs || (sentMs === this.#rackSentMs && isAfter(end, this.#rackEnd))) {
      this.#rackSentMs = sentMs;
      this.#rackEnd = end;
    }
  }

  /** The peer got something twice: we were too quick to call it lost (RFC 8985 §6.2 step 4). */
  #widenReordering(): void {
    if (!isAfter(this.una, this.#lastStepEnd)) return;
    this.#lastStepEnd = this.next;
    this.#reorderingSteps = Math.min(this.#reorderingSteps + 1, 20);
    this.#reorderingKeptFor = 16;
  }

  /**
   * Every retransmission of this recovery turned out to be a duplicate: nothing was lost, only late. The window goes back to
   * what it was (Eifel response, RFC 4015 §3, with the detection of RFC 3708).
   */
  #explainRetransmission(): void {
    if (this.#unexplainedRetransmissions <= 0) return;
    // RACK notices reordering only in what it did not send again in the meantime; this is the same news.
    this.#reorderingSeen = true;
    this.#unexplainedRetransmissions -= 1;
    if (this.#unexplainedRetransmissions > 0) return;
    this.#unexplainedRetransmissions = -1;
    this.congestion.undoLoss();
    this.#recovering = false;
  }

  #reorderingWindowMs(): number {
    if (!this.#reorderingSeen && (this.#recovering || this.#sackedSegments >= REORDERING_SEGMENTS)) return 0;
    if (!this.rtt.measured) return 0;
    return Math.min((this.#reorderingSteps * this.rtt.minMs) / 4, this.rtt.smoothedMs);
  }

  /** Concludes from everything noted since the last call. */
  update(nowMs: number): void {
    const delivered = this.#deliveredInBatch;
    if (this.#mustDetect) {
      this.#mustDetect = false;
      this.#detectLoss(nowMs);
    }
    if (this.#recovering && !isBefore(this.una, this.#recoveryEnd)) this.#endRecovery();
    // A partial acknowledgement uncovers the next hole (RFC 6582 §3.2).
    if (this.#recovering && !this.#canSack && this.#ackedInBatch > 0 && this.#segments.count > 0) {
      if ((this.#segments.flags(0) & RETRANSMITTED) === 0) this.#loseOldest();
    }
    if (delivered > 0) {
      if (this.#recovering && !this.#recoveryAfterTimeout) {
        this.#reduceProportionally(delivered);
      } else if (this.#wasLimited || this.congestion.window < this.congestion.threshold) {
        this.congestion.grow(
          this.#recovering ? delivered : this.#ackedInBatch,
          this.#batchRttMs,
          this.rtt.smoothedMs,
          nowMs,
          this.una,
          this.next,
        );
      }
    }
    if (this.#ackedInBatch > 0 || delivered > 0) this.#rearm(nowMs);
    this.#deliveredInBatch = 0;
    this.#ackedInBatch = 0;
    this.#batchRttMs = 0;
  }

  /** RFC 8985 §6.2 step 5. */
  #detectLoss(nowMs: number): void {
    const segments = this.#segments;
    const windowMs = this.#reorderingWindowMs();
    let waitMs = 0;
    let foundBytes = 0;
    for (let index = 0; index < segments.count; index += 1) {
      const flags = segments.flags(index);
      const sentMs = segments.sentMs(index);
      const sentBeforeNewest =
        sentMs < this.#rackSentMs ||
        (sentMs === this.#rackSentMs && isBefore(segments.end(index), this.#rackEnd));
      if (!sentBeforeNewest) {
        // First transmissions are in order of time, and a retransmission behind this one is younger still.
        if ((flags & RETRANSMITTED) === 0) break;
        continue;
      }
      if ((flags & (SACKED | LOST)) !== 0) continue;
      const remainingMs = sentMs + this.#rackRttMs + windowMs - nowMs;
      if (remainingMs <= 0) {
        segments.setFlags(index, flags | LOST);
        foundBytes += segments.bytes(index);
        if (index < this.#firstMaybeLost) this.#firstMaybeLost = index;
      } else if (remainingMs > waitMs) {
        waitMs = remainingMs;
      }
    }
    this.#reorderTimerMs = waitMs > 0 ? nowMs + waitMs : Number.POSITIVE_INFINITY;
    if (foundBytes === 0) return;
    const inFlightBefore = this.bytesInFlight;
    this.#lostBytes += foundBytes;
    if (!this.#recovering) this.#enterRecovery(inFlightBefore);
  }

  #enterRecovery(inFlightBefore: number): void {
    this.#recovering = true;
    this.#recoveryAfterTimeout = false;
    this.#recoveryEnd = this.next;
    this.#reducedDelivered = 0;
    this.#reducedSent = 0;
    this.#inFlightAtLoss = Math.max(inFlightBefore, this.mss);
    this.#unexplainedRetransmissions = 0;
    this.congestion.lose();
    this.#probeEnd = undefined;
    // RFC 6937: the first retransmission goes out whatever the arithmetic says.
    this.congestion.setWindow(this.bytesInFlight + this.mss);
  }

  /** Proportional rate reduction with the slow-start bound (RFC 6937 §3). */
  #reduceProportionally(delivered: number): void {
    const threshold = this.congestion.threshold;
    const inFlight = this.bytesInFlight;
    this.#reducedDelivered += delivered;
    let allowance: number;
    if (inFlight > threshold) {
      allowance = Math.ceil((this.#reducedDelivered * threshold) / this.#inFlightAtLoss) - this.#reducedSent;
    } else {
      const bound = Math.max(this.#reducedDelivered - this.#reducedSent, delivered) + this.mss;
      allowance = Math.min(threshold - inFlight, bound);
    }
    this.congestion.setWindow(inFlight + Math.max(0, allowance));
  }

  #endRecovery(): void {
    this.#recovering = false;
    if (!this.#recoveryAfterTimeout) this.congestion.setWindow(this.congestion.threshold);
    this.#recoveryAfterTimeout = false;
    if (this.#reorderingKeptFor > 0) {
      this.#reorderingKeptFor -= 1;
      if (this.#reorderingKeptFor === 0) this.#reorderingSteps = 1;
    }
  }

  /** Writing is over: a FIN goes out behind the last byte. */
  finish(): void {
    this.finishing = true;
  }

  /**
   * Sends what windows and budget allow.
   * @returns true when the budget of this turn, not a window, stopped it
   */
  transmit(nowMs: number): boolean {
    if (this.#segments.count === 0 && this.#lastSentMs > 0) {
      const idleMs = nowMs - this.#lastSentMs;
      if (idleMs > this.rtt.rtoMs && this.#unsentUnits() > 0) this.congestion.idle(idleMs, this.rtt.rtoMs);
    }
    let budget = BURST_SEGMENTS;
    let sent = false;
    while (this.#lostBytes > 0 && budget > 0 && this.#hasRoom()) {
      if (!this.#retransmitNextLost(nowMs)) break;
      budget -= 1;
      sent = true;
    }
    while (budget > 0 && this.#lostBytes === 0 && this.#sendNext(nowMs, false)) {
      budget -= 1;
      sent = true;
    }
    if (sent) {
      this.#lastSentMs = nowMs;
      if (this.#timer === "none" || this.#timer === "tail-probe") this.#rearm(nowMs);
    } else if (this.#timer === "none") {
      this.#rearm(nowMs);
    }
    this.#wasLimited = this.bytesInFlight + this.mss > this.congestion.window;
    return budget === 0 && this.#hasRoom();
  }

  #hasRoom(): boolean {
    return this.bytesInFlight < this.congestion.window;
  }

  #unsentUnits(): number {
    return this.buffer.length - ((this.next - this.una) | 0) + (this.finishing && !this.#finSent ? 1 : 0);
  }

  /** Bytes written by the application that never went out. */
  get unsentBytes(): number {
    return this.#finSent ? 0 : this.buffer.length - ((this.next - this.una) | 0);
  }

  #retransmitNextLost(nowMs: number): boolean {
    const segments = this.#segments;
    for (let index = this.#firstMaybeLost; index < segments.count; index += 1) {
      if ((segments.flags(index) & LOST) === 0) continue;
      this.#firstMaybeLost = index + 1;
      this.#retransmit(index, nowMs);
      return true;
    }
    this.#firstMaybeLost = segments.count;
    return false;
  }

  #retransmit(index: number, nowMs: number): void {
    const segments = this.#segments;
    const start = segments.start(index);
    const units = segments.bytes(index);
    const flags = segments.flags(index);
    const fin = (flags & HAS_FIN) !== 0;
    if ((flags & LOST) !== 0) this.#lostBytes -= units;
    segments.markRetransmitted(index, nowMs);
    this.#reducedSent += units;
    if (this.#unexplainedRetransmissions >= 0) this.#unexplainedRetransmissions += 1;
    this.#writer.writeData(start, (start - this.una) | 0, fin ? units - 1 : units, fin, true);
  }

  /** Sends one new segment. @returns false when there is nothing to send or no window for it */
  #sendNext(nowMs: number, isProbe: boolean): boolean {
    if (this.#finSent) return false;
    const offset = (this.next - this.una) | 0;
    const unsent = this.buffer.length - offset;
    if (unsent === 0 && !this.finishing) return false;
    const flying = this.#segments.count > 0;
    if (!isProbe && flying && !this.#hasRoom()) return false;
    const allowed = (this.windowEnd - this.next) | 0;
    let length = Math.min(unsent, this.mss);
    if (allowed < length) {
      // Silly windows (RFC 1122 §4.2.3.4): a crumb of window is only used when nothing else would restart the flow.
      if (allowed <= 0 || flying) return false;
      length = allowed;
    }
    const takesRest = length === unsent;
    // A FIN needs room too: outside of the window it would be dropped, and repeating it would look like a dead peer.
    const fin = takesRest && this.finishing && length < allowed;
    if (length === 0 && !fin) return false;
    // Nagle (RFC 9293 §3.7.4), only when the application asked for it.
    if (!this.noDelay && length < this.mss && flying && !fin) return false;
    const start = this.next;
    const end = (start + length + (fin ? 1 : 0)) | 0;
    this.#segments.push(start, end, nowMs, fin ? HAS_FIN : 0);
    this.next = end;
    if (fin) this.#finSent = true;
    if (this.#recovering) this.#reducedSent += (end - start) | 0;
    this.#writer.writeData(start, offset, length, fin, takesRest);
    return true;
  }

  /** Chooses the timer that fits the situation: tail probe, retransmission timeout or zero-window probe. */
  #rearm(nowMs: number): void {
    if (this.#segments.count === 0) {
      this.#reorderTimerMs = Number.POSITIVE_INFINITY;
      if (this.#unsentUnits() > 0 && !isAfter(this.windowEnd, this.next)) {
        if (this.#timer === "zero-window") return;
        this.#timer = "zero-window";
        this.#timerMs = nowMs + this.rtt.rtoMs;
      } else {
        this.#disarm();
      }
      return;
    }
    const canProbe =
      this.#canSack &&
      this.rtt.measured &&
      !this.#recovering &&
      this.#sackedBytes === 0 &&
      this.#lostBytes === 0 &&
      this.#probeEnd === undefined &&
      this.rtt.backoffs === 0;
    const timeoutMs = nowMs + this.rtt.rtoMs;
    if (canProbe) {
      const slackMs = this.#segments.count === 1 ? PEER_DELAYED_ACK_MS : PROBE_SLACK_MS;
      this.#timer = "tail-probe";
      this.#timerMs = Math.min(timeoutMs, nowMs + 2 * this.rtt.smoothedMs + slackMs);
    } else {
      this.#timer = "timeout";
      this.#timerMs = timeoutMs;
    }
  }

  #disarm(): void {
    this.#timer = "none";
    this.#timerMs = Number.POSITIVE_INFINITY;
  }

  /** Does what is due. Anything to retransmit goes out with the next `transmit`. */
  onTimer(nowMs: number): void {
    if (this.#reorderTimerMs <= nowMs) this.#detectLoss(nowMs);
    if (this.#timerMs > nowMs) return;
    if (this.#timer === "tail-probe") this.#sendTailProbe(nowMs);
    else if (this.#timer === "timeout") this.#onTimeout(nowMs);
    else if (this.#timer === "zero-window") this.#probeWindow(nowMs);
  }

  /** RFC 8985 §7.3: new data if there is any, the last segment again otherwise; then the timeout proper. */
  #sendTailProbe(nowMs: number): void {
    this.#probeWasRetransmission = false;
    if (!this.#sendNext(nowMs, true)) {
      this.#retransmit(this.#segments.count - 1, nowMs);
      this.#probeWasRetransmission = true;
    }
    this.#lastSentMs = nowMs;
    this.#probeEnd = this.next;
    this.#rearm(nowMs);
  }

  /** RFC 8985 §7.4: an answer to the probe tells whether it repaired a loss that would otherwise go unnoticed. */
  #judgeTailProbe(ack: number, duplicateReported: boolean, nowMs: number): void {
    if (this.#probeEnd === undefined || isBefore(ack, this.#probeEnd)) return;
    const repaired = this.#probeWasRetransmission && !duplicateReported;
    this.#probeEnd = undefined;
    if (!repaired || this.#recovering) return;
    // Without SACK of the duplicate it may also have been a late acknowledgement; then the timing gives it away.
    if (nowMs - this.#rackSentMs < this.rtt.minMs) return;
    this.congestion.lose();
    this.congestion.setWindow(this.congestion.threshold);
  }

  /** RFC 6298 §5.4-5.6 with RFC 6675 §5.1: everything not reported as received counts as lost. */
  #onTimeout(nowMs: number): void {
    const segments = this.#segments;
    if (this.#stalledSinceMs < 0) this.#stalledSinceMs = nowMs;
    this.rtt.backOff();
    // A receiver may drop data it reported (RFC 2018 §8); if it dropped the first segment, trust none of its reports.
    const renege = (segments.flags(0) & SACKED) !== 0;
    this.#lostBytes = 0;
    if (renege) {
      this.#sackedBytes = 0;
      this.#sackedSegments = 0;
    }
    for (let index = 0; index < segments.count; index += 1) {
      let flags = segments.flags(index);
      if (renege) flags &= ~SACKED;
      if ((flags & SACKED) === 0) {
        flags |= LOST;
        this.#lostBytes += segments.bytes(index);
      }
      segments.setFlags(index, flags);
    }
    this.#firstMaybeLost = 0;
    this.#probeEnd = undefined;
    this.#reorderTimerMs = Number.POSITIVE_INFINITY;
    // A window shrinks once per loss event: further expiries for the same data only wait longer.
    if (this.rtt.backoffs === 1) this.congestion.timeOut();
    else this.congestion.setWindow(this.mss);
    this.#unexplainedRetransmissions = -1;
    this.#recovering = true;
    this.#recoveryAfterTimeout = true;
    this.#recoveryEnd = this.next;
    this.#timer = "timeout";
    this.#timerMs = nowMs + this.rtt.rtoMs;
  }

  #probeWindow(nowMs: number): void {
    if (this.#unansweredProbes > 0 && this.#stalledSinceMs < 0) this.#stalledSinceMs = nowMs;
    this.#unansweredProbes += 1;
    this.#writer.writeProbe((this.una - 1) | 0);
    this.#zeroWindowProbes += 1;
    this.#timerMs =
      nowMs + Math.min(MAX_PROBE_INTERVAL_MS, this.rtt.rtoMs * 2 ** Math.min(this.#zeroWindowProbes, 10));
  }

  /** The peer is alive although nothing advanced: it answered a probe, its window may stay closed for as long as it likes. */
  heardFromPeer(): void {
    if (this.#timer !== "zero-window") return;
    this.#stalledSinceMs = -1;
    this.#unansweredProbes = 0;
  }

  /** The path takes smaller packets than thought (RFC 1191): cut what is in flight and send it again. */
  shrinkMss(mss: number): void {
    if (mss >= this.mss) return;
    this.mss = mss;
    this.congestion.setMss(mss);
    this.#segments.splitTo(mss);
    this.#lostBytes = 0;
    this.#sackedSegments = 0;
    for (let index = 0; index < this.#segments.count; index += 1) {
      const flags = this.#segments.flags(index);
      if ((flags & SACKED) !== 0) {
        this.#sackedSegments += 1;
      } else {
        this.#segments.setFlags(index, flags | LOST);
        this.#lostBytes += this.#segments.bytes(index);
      }
    }
    this.#firstMaybeLost = 0;
  }

  /** Forgets everything; used when the connection is over. */
  clear(): void {
    this.buffer.clear();
    this.#segments.clear();
    this.#sackedBytes = 0;
    this.#lostBytes = 0;
    this.#disarm();
    this.#reorderTimerMs = Number.POSITIVE_INFINITY;
    this.#recoveryEnd = laterOf(this.next, this.una);
  }
}
