import type { Timed } from "../session/timers.ts";
import type { IpAddress } from "../wire/ip-address.ts";
import { ACK, FIN, PSH, RST, SYN, type TcpSegment } from "../wire/tcp-segment.ts";
import { Receiver, WINDOW_SHIFT } from "./receiver.ts";
import { INITIAL_RTO_MS } from "./retransmit.ts";
import { type SegmentWriter, Sender } from "./sender.ts";
import { isAfter, isBefore } from "./sequence.ts";
import type { WindowBudget } from "./window-budget.ts";

/** Room for bytes the application wrote ahead of the network. */
const MIN_SEND_BUFFER_BYTES = 128 * 1024;
const MAX_SEND_BUFFER_BYTES = 4 * 1024 * 1024;
/**
 * RFC 1122 §4.2.3.5 asks for 100 s at least before a silent peer is given up. On a path that loses every third datagram in
 * both directions nine expiries in a row happen, so their number counts too; 15 is what Linux allows, about 8 minutes.
 */
const GIVE_UP_AFTER_MS = 120_000;
const GIVE_UP_AFTER_EXPIRIES = 15;
const MAX_SYN_RTO_MS = 16_000;
/** A SYN that we answered but that nobody confirmed. */
const SYN_RECEIVED_LIFETIME_MS = 30_000;
/**
 * RFC 9293 asks for 4 minutes. A connection is found by its four-tuple and our ports are random, so an old duplicate would
 * have to hit the same port and window; what a peer may notice is an RST for a FIN it repeats after more than this time.
 */
const TIME_WAIT_MS = 5_000;
/** The application is gone, and for this long the peer took no data and did not close its side. */
const ORPHAN_LIFETIME_MS = 60_000;
const KEEPALIVE_PROBES = 9;
const KEEPALIVE_INTERVAL_MS = 10_000;
/** RFC 5961 §10: answers to odd segments are limited. */
const CHALLENGE_ACKS_PER_SECOND = 10;
const SILLY_ACK_INTERVAL_MS = 100;
/** RFC 9293 §3.7.1: without the option. */
const DEFAULT_MSS_V4 = 536;
const DEFAULT_MSS_V6 = 1220;

export type TcpState =
  | "closed"
  | "syn-sent"
  | "syn-received"
  | "established"
  | "fin-wait-1"
  | "fin-wait-2"
  | "close-wait"
  | "closing"
  | "last-ack"
  | "time-wait";

/** Why a connection ended other than by both FINs; the codes a kernel socket would give. */
export type TcpFailure =
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "ECONNABORTED"
  | "ETIMEDOUT"
  | "EHOSTUNREACH"
  | "ENETUNREACH";

/** Called while the engine flushes, never from inside a call of the application. */
export interface TcpHandler {
  onConnected(): void;
  /** Bytes or the end of the stream are there to be read. */
  onReadable(): void;
  /** There is room in the send buffer again after `write` did not take everything. */
  onWritable(): void;
  /** Everything is over; `failure` is undefined after an orderly close. */
  onClosed(failure: TcpFailure | undefined): void;
}

/** What a connection needs from the stack around it. */
export interface TcpHost {
  readonly nowMs: number;
  readonly budget: WindowBudget;
  /** Puts one segment on the wire; the payload is `length` bytes of the send buffer from `offset`. */
  writeSegment(
    connection: TcpConnection,
    flags: number,
    sequence: number,
    acknowledgment: number,
    window: number,
    offset: number,
    length: number,
  ): void;
  /** The connection has something to do in the next flush. */
  wake(connection: TcpConnection): void;
  schedule(connection: TcpConnection, deadlineMs: number): void;
  /** The four-tuple is free again. */
  forget(connection: TcpConnection): void;
}

/** The four-tuple, from our side. */
export interface TcpEndpoints {
  readonly localAddress: IpAddress;
  readonly localPort: number;
  readonly remoteAddress: IpAddress;
  readonly remotePort: number;
}

const NO_HANDLER: TcpHandler = { onConnected() {}, onReadable() {}, onWritable() {}, onClosed() {} };

/**
 * One TCP connection: the state machine of RFC 9293 §3.10 with the checks of RFC 5961. No clock and no I/O: segments come
 * in through `receive`, time through `onDeadline`, and everything that leaves goes through the host during `flush`.
 */
export class TcpConnection implements Timed, SegmentWriter {
  readonly endpoints: TcpEndpoints;
  readonly sender: Sender;
  readonly receiver: Receiver;
  handler: TcpHandler = NO_HANDLER;
  /** Largest segment we can send or take, from the device's MTU. */
  readonly localMss: number;
  /** Next connection with the same hash; belongs to the flow table. */
  nextInBucket: TcpConnection | undefined;
  /** Set while the connection waits in the host's list; belongs to the host. */
  isAwake = false;
  /** The peer that carries it; belongs to the stack. */
  route: unknown;
  routeEpoch = -1;

  // Timed
  deadlineMs = Number.POSITIVE_INFINITY;
  queuedMs = 0;
  heapIndex = -1;

  readonly #host: TcpHost;
  readonly #initialSequence: number;
  #state: TcpState = "closed";
  #sendShift = 0;
  #peerCanSack = false;
  #offersScaling = true;
  #offersSack = true;

  #synPending = false;
  #synAcked = false;
  #synSentMs = 0;
  #synTries = 0;
  #synDeadlineMs = Number.POSITIVE_INFINITY;
  #lifeDeadlineMs = Number.POSITIVE_INFINITY;

  #windowSequence = 0;
  #windowAcknowledgment = 0;

  #keepAliveIdleMs = 0;
  #keepAliveDeadlineMs = Number.POSITIVE_INFINITY;
  #keepAliveProbes = 0;
  #lastHeardMs: number;

  #challengeSecond = -1;
  #challenges = 0;
  #sillyAckMs = Number.NEGATIVE_INFINITY;

  #orphaned = false;
  #softFailure: TcpFailure | undefined;
  #failure: TcpFailure | undefined;
  #wantsWritable = false;
  #eventConnected = false;
  #eventReadable = false;
  #eventClosed = false;
  #closedTold = false;
  #endSeen = false;
  bytesReceived = 0;
  bytesWritten = 0;

  constructor(host: TcpHost, endpoints: TcpEndpoints, localMss: number, initialSequence: number) {
    this.#host = host;
    this.endpoints = endpoints;
    this.localMss = localMss;
    this.#initialSequence = initialSequence | 0;
    this.#lastHeardMs = host.nowMs;
    this.receiver = new Receiver(host.budget);
    const defaultMss = endpoints.remoteAddress.family === 4 ? DEFAULT_MSS_V4 : DEFAULT_MSS_V6;
    this.sender = new Sender(this, Math.min(localMss, defaultMss), (initialSequence + 1) | 0);
  }

  get state(): TcpState {
    return this.#state;
  }

  get isConnecting(): boolean {
    return this.#state === "syn-sent" || this.#state === "syn-received";
  }

  // ---- opening

  /** Active open. Gives up with ETIMEDOUT after `timeoutMs`. */
  connect(timeoutMs: number): void {
    this.#state = "syn-sent";
    this.#synPending = true;
    this.#lifeDeadlineMs = this.#host.nowMs + timeoutMs;
    this.#reschedule();
    this.#host.wake(this);
  }

  /** Passive open: `syn` is the segment that was held until the application decided. */
  acceptSyn(syn: TcpSegment): void {
    this.#state = "syn-received";
    this.#takeSyn(syn);
    this.#offersScaling = syn.windowShift >= 0;
    this.#offersSack = syn.sackPermitted;
    this.#synPending = true;
    this.#lifeDeadlineMs = this.#host.nowMs + SYN_RECEIVED_LIFETIME_MS;
    this.#reschedule();
    this.#host.wake(this);
  }

  #takeSyn(syn: TcpSegment): void {
    const scales = syn.windowShift >= 0;
    this.receiver.start((syn.sequence + 1) | 0, scales);
    this.#sendShift = scales ? syn.windowShift : 0;
    this.#peerCanSack = syn.sackPermitted;
    const family = this.endpoints.remoteAddress.family;
    const offered = syn.mss > 0 ? syn.mss : family === 4 ? DEFAULT_MSS_V4 : DEFAULT_MSS_V6;
    // A tiny segment size would turn every byte into a packet; nothing real offers less than 64 bytes.
    const mss = Math.max(64, Math.min(this.localMss, offered));
    this.sender.negotiated(mss, syn.sackPermitted, syn.window);
    this.#windowSequence = syn.sequence;
    this.#windowAcknowledgment = syn.acknowledgment;
  }

  // ---- what the application does

  /** Bytes `write` would take now. */
  get writableBytes(): number {
    if (this.sender.finishing || this.#state === "closed" || this.#state === "time-wait") return 0;
    const limit = Math.min(
      MAX_SEND_BUFFER_BYTES,
      Math.max(MIN_SEND_BUFFER_BYTES, 2 * Math.floor(this.sender.congestion.window)),
    );
    return Math.max(0, limit - this.sender.buffer.length);
  }

  /** @returns how many bytes of the front were taken; `onWritable` follows when it was not all */
  write(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.writableBytes);
    if (count > 0) {
      this.sender.buffer.append(count === bytes.length ? bytes : bytes.subarray(0, count));
      this.bytesWritten += count;
      this.#host.wake(this);
    }
    if (count < bytes.length) this.#wantsWritable = true;
    return count;
  }

  /** @returns the next bytes, undefined when there are none now */
  read(maxBytes: number): Buffer | undefined {
    const piece = this.receiver.queue.read(maxBytes);
    if (piece !== undefined) {
      this.receiver.consumed(piece.length, this.sender.rtt.smoothedMs, this.#host.nowMs);
      if (this.receiver.mustAckNow) this.#host.wake(this);
    }
    return piece;
  }

  /** True when the peer has closed its side and everything it sent was read. */
  get isReadEnd(): boolean {
    return this.receiver.finished && this.receiver.queue.length === 0;
  }

  /** No more writes: sends FIN behind what is buffered. */
  finishWriting(): void {
    if (this.sender.finishing) return;
    this.sender.finish();
    this.#host.wake(this);
  }

  /**
   * The application is gone. Unread data means the peer sent something nobody will see, which an RST tells it
   * (RFC 9293 §3.10.4); otherwise the FIN handshake goes on in the background.
   */
  close(): void {
    if (this.#orphaned) return;
    this.#orphaned = true;
    this.handler = NO_HANDLER;
    if (this.#state === "closed") return;
    if (this.#state === "syn-sent" || this.receiver.queue.length > 0) {
      this.abort();
      return;
    }
    this.finishWriting();
    if (this.#state !== "time-wait") this.#lifeDeadlineMs = this.#host.nowMs + ORPHAN_LIFETIME_MS;
    this.#reschedule();
  }

  /** Ends at once; the peer gets an RST when it knows of the connection, the handler hears `failure`. */
  abort(failure: TcpFailure = "ECONNABORTED"): void {
    const synchronized =
      this.#state !== "closed" && this.#state !== "syn-sent" && this.#state !== "time-wait";
    if (synchronized) {
      this.#host.writeSegment(this, RST | ACK, this.sender.next, this.receiver.next, 0, 0, 0);
    }
    this.#end(this.#state === "time-wait" ? undefined : failure);
  }

  setNoDelay(noDelay: boolean): void {
    this.sender.noDelay = noDelay;
    if (noDelay) this.#host.wake(this);
  }

  /** @param idleMs 0 switches keepalive off */
  setKeepAlive(idleMs: number): void {
    this.#keepAliveIdleMs = idleMs;
    this.#armKeepAlive();
    this.#reschedule();
  }

  // ---- what the network does

  /** Takes in a segment of this connection. Conclusions and answers follow in `flush`. */
  receive(segment: TcpSegment, source: Uint8Array): void {
    const state = this.#state;
    if (state === "closed") return;
    this.#host.wake(this);
    if (state === "syn-sent") {
      this.#receiveInSynSent(segment);
      return;
    }
    const nowMs = this.#host.nowMs;
    const flags = segment.flags;
    const payloadBytes = segment.payloadEnd - segment.payloadStart;
    const units = payloadBytes + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
    const sequence = segment.sequence;
    const receiver = this.receiver;

    if (
      isBefore((sequence + units) | 0, receiver.lastAcknowledged) ||
      isAfter(sequence, receiver.windowEnd)
    ) {
      this.#rejectOutOfWindow(segment, payloadBytes, units);
      return;
    }
    if (flags & RST) {
      this.#receiveReset(sequence);
      return;
    }
    if (flags & SYN) {
      this.#receiveSynAgain(segment);
      return;
    }
    if ((flags & ACK) === 0) return;
    this.#heard(nowMs);
    if (state === "syn-received" && !this.#confirmSyn(segment)) return;
    if (!this.#takeAcknowledgment(segment, payloadBytes, nowMs)) return;
    this.#advanceClosing();
    if (payloadBytes > 0 || flags & FIN) this.#takePayload(segment, source, payloadBytes, nowMs);
  }

  #receiveInSynSent(segment: TcpSegment): void {
    const flags = segment.flags;
    const acceptable = segment.acknowledgment === ((this.#initialSequence + 1) | 0);
    if (flags & ACK && !acceptable) {
      if ((flags & RST) === 0) {
        this.#host.writeSegment(this, RST, segment.acknowledgment, 0, 0, 0, 0);
      }
      return;
    }
    if (flags & RST) {
      if (flags & ACK) this.#end("ECONNREFUSED");
      return;
    }
    if ((flags & SYN) === 0) return;
    this.#takeSyn(segment);
    this.#heard(this.#host.nowMs);
    if (flags & ACK) {
      this.#establish();
      this.receiver.askForAck();
      return;
    }
    // Both sides opened at once (RFC 9293 §3.5): answer with SYN-ACK and wait for theirs.
    this.#state = "syn-received";
    this.#synPending = true;
  }

  /**
   * A SYN in a live connection. While ours is unconfirmed it is the peer's own again, because our answer got lost, or its
   * answer to a simultaneous open; later it is answered as RFC 5961 §4.2 says.
   */
  #receiveSynAgain(segment: TcpSegment): void {
    const isTheirs = segment.sequence === ((this.receiver.next - 1) | 0);
    if (this.#state !== "syn-received" || !isTheirs) {
      this.#challenge();
    } else if (segment.flags & ACK && segment.acknowledgment === this.sender.next) {
      this.#establish();
      this.receiver.askForAck();
    } else {
      this.#synPending = true;
    }
  }

  /** @returns false when the segment does not acknowledge our SYN */
  #confirmSyn(segment: TcpSegment): boolean {
    if (segment.acknowledgment !== this.sender.next) {
      this.#host.writeSegment(this, RST, segment.acknowledgment, 0, 0, 0, 0);
      return false;
    }
    this.#establish();
    return true;
  }

  #establish(): void {
    if (this.#synTries === 1) {
      this.sender.rtt.sample(this.#host.nowMs - this.#synSentMs, this.#host.nowMs);
    }
    this.#synAcked = true;
    this.#synPending = false;
    this.#synDeadlineMs = Number.POSITIVE_INFINITY;
    this.#lifeDeadlineMs = Number.POSITIVE_INFINITY;
    this.#state = "established";
    this.#eventConnected = true;
    this.#softFailure = undefined;
    this.#armKeepAlive();
  }

  /** RFC 9293 §3.10.7.4, first check, for segments outside of the window. */
  #rejectOutOfWindow(segment: TcpSegment, payloadBytes: number, units: number): void {
    if (segment.flags & RST) return;
    const { receiver } = this;
    this.#heard(this.#host.nowMs);
    if (this.#state === "time-wait") this.#lifeDeadlineMs = this.#host.nowMs + TIME_WAIT_MS;
    if (units === 0) {
      // Two ends that disagree would answer each other's empty segments for ever.
      if (this.#host.nowMs - this.#sillyAckMs < SILLY_ACK_INTERVAL_MS) return;
      this.#sillyAckMs = this.#host.nowMs;
    } else if (payloadBytes > 0 && isBefore(segment.sequence, receiver.next)) {
      receiver.hasDuplicate = true;
      receiver.duplicateStart = segment.sequence;
      receiver.duplicateEnd = (segment.sequence + payloadBytes) | 0;
    }
    receiver.askForAck();
  }

  /** RFC 5961 §3.2: only the exact next sequence number resets; near misses must prove themselves. */
  #receiveReset(sequence: number): void {
    if (sequence !== this.receiver.next) {
      this.#challenge();
      return;
    }
    if (this.#state === "time-wait" || this.#state === "last-ack" || this.#state === "closing")
      this.#end(undefined);
    else this.#end("ECONNRESET");
  }

  #challenge(): void {
    const second = Math.floor(this.#host.nowMs / 1000);
    if (second !== this.#challengeSecond) {
      this.#challengeSecond = second;
      this.#challenges = 0;
    }
    if (this.#challenges >= CHALLENGE_ACKS_PER_SECOND) return;
    this.#challenges += 1;
    this.receiver.askForAck();
  }

  /** @returns false when the acknowledgement is impossible and the segment must not be used */
  #takeAcknowledgment(segment: TcpSegment, payloadBytes: number, nowMs: number): boolean {
    const { sender } = this;
    const ack = segment.acknowledgment;
    if (isAfter(ack, sender.next) || isBefore(ack, (sender.una - sender.largestWindow) | 0)) {
      // RFC 5961 §5.2.
      this.#challenge();
      return false;
    }
    const windowBytes = segment.window << this.#sendShift;
    const windowEnd = (ack + windowBytes) | 0;
    if (!isBefore(ack, sender.una)) {
      const repeats =
        ack === sender.una &&
        payloadBytes === 0 &&
        windowEnd === sender.windowEnd &&
        (segment.flags & FIN) === 0;
      const blocks = this.#peerCanSack ? segment.sackBlocks : 0;
      const advanced = sender.acknowledge(ack, segment.sackEdges, blocks, nowMs);
      if (advanced && this.#orphaned) this.#lifeDeadlineMs = nowMs + ORPHAN_LIFETIME_MS;
      if (repeats) sender.duplicate();
      const newer =
        isBefore(this.#windowSequence, segment.sequence) ||
        (this.#windowSequence === segment.sequence && !isBefore(ack, this.#windowAcknowledgment));
      if (newer) {
        this.#windowSequence = segment.sequence;
        this.#windowAcknowledgment = ack;
        sender.updateWindow(windowBytes);
      }
      sender.heardFromPeer();
    }
    return true;
  }

  /** State changes that follow from our FIN being acknowledged. */
  #advanceClosing(): void {
    if (!this.sender.finAcked) return;
    if (this.#state === "fin-wait-1") {
      this.#state = "fin-wait-2";
    } else if (this.#state === "closing") {
      this.#enterTimeWait();
    } else if (this.#state === "last-ack") {
      this.#end(undefined);
    }
  }

  #takePayload(segment: TcpSegment, source: Uint8Array, payloadBytes: number, nowMs: number): void {
    const state = this.#state;
    if (state !== "established" && state !== "fin-wait-1" && state !== "fin-wait-2") {
      // The peer repeats its FIN: our acknowledgement got lost.
      if (state === "time-wait") this.#lifeDeadlineMs = nowMs + TIME_WAIT_MS;
      this.receiver.askForAck();
      return;
    }
    const { receiver } = this;
    if (this.#orphaned && payloadBytes > 0 && isAfter((segment.sequence + payloadBytes) | 0, receiver.next)) {
      // Nobody is left to read it.
      this.abort();
      return;
    }
    const before = receiver.queue.length;
    receiver.take(
      segment.sequence,
      source,
      segment.payloadStart,
      segment.payloadEnd,
      (segment.flags & FIN) !== 0,
      nowMs,
    );
    const arrived = receiver.queue.length - before;
    this.bytesReceived += arrived;
    if (arrived > 0) this.#eventReadable = true;
    if (receiver.finished && !this.#endSeen) {
      this.#endSeen = true;
      this.#eventReadable = true;
      if (state === "established") this.#state = "close-wait";
      else if (state === "fin-wait-1") this.#state = "closing";
      else this.#enterTimeWait();
    }
  }

  /** An ICMP error about one of our segments. Only while connecting is it taken at its word (RFC 5461). */
  onUnreachable(failure: TcpFailure, sequence: number): void {
    if (this.#state === "closed") return;
    if (this.#state === "syn-sent") {
      if (sequence !== this.#initialSequence) return;
      this.#end(failure);
      return;
    }
    if (isBefore(sequence, this.sender.una) || !isBefore(sequence, this.sender.next)) return;
    this.#softFailure = failure;
  }

  /** The peer is out of reach for good; nothing can be sent to it, not even a reset. */
  fail(failure: TcpFailure): void {
    this.#end(this.#state === "time-wait" ? undefined : failure);
  }

  /** A router said that a segment did not fit. */
  onPacketTooBig(mss: number, sequence: number): void {
    if (isBefore(sequence, this.sender.una) || !isBefore(sequence, this.sender.next)) return;
    this.sender.shrinkMss(mss);
    this.#host.wake(this);
  }

  #heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
    this.#keepAliveProbes = 0;
  }

  #enterTimeWait(): void {
    this.#state = "time-wait";
    this.sender.clear();
    this.#keepAliveDeadlineMs = Number.POSITIVE_INFINITY;
    this.#lifeDeadlineMs = this.#host.nowMs + TIME_WAIT_MS;
    this.#eventClosed = true;
  }

  #end(failure: TcpFailure | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#failure = failure;
    this.#eventClosed = true;
    this.sender.clear();
    this.receiver.end();
    if (this.#orphaned) this.receiver.queue.clear();
    this.#synDeadlineMs = Number.POSITIVE_INFINITY;
    this.#lifeDeadlineMs = Number.POSITIVE_INFINITY;
    this.#keepAliveDeadlineMs = Number.POSITIVE_INFINITY;
    this.#host.schedule(this, Number.POSITIVE_INFINITY);
    this.#host.forget(this);
    this.#host.wake(this);
  }

  // ---- time

  onDeadline(nowMs: number): void {
    if (this.#state === "closed") return;
    if (this.#lifeDeadlineMs <= nowMs) {
      this.#onLifeOver();
      if (this.state === "closed") return;
    }
    if (this.#synDeadlineMs <= nowMs) {
      this.#synDeadlineMs = Number.POSITIVE_INFINITY;
      this.#synPending = true;
    }
    if (this.sender.deadlineMs <= nowMs) {
      this.sender.onTimer(nowMs);
      const { stalledSinceMs, expiries } = this.sender;
      if (
        stalledSinceMs >= 0 &&
        nowMs - stalledSinceMs >= GIVE_UP_AFTER_MS &&
        expiries >= GIVE_UP_AFTER_EXPIRIES
      ) {
        this.#end(this.#softFailure ?? "ETIMEDOUT");
        return;
      }
    }
    if (this.receiver.ackDeadlineMs <= nowMs) this.receiver.askForAck();
    if (this.#keepAliveDeadlineMs <= nowMs) this.#onKeepAlive(nowMs);
    if (this.state !== "closed") this.#host.wake(this);
  }

  #onLifeOver(): void {
    this.#lifeDeadlineMs = Number.POSITIVE_INFINITY;
    if (this.#state === "syn-sent") {
      this.#end(this.#softFailure ?? "ETIMEDOUT");
    } else if (this.#state === "time-wait") {
      this.#end(undefined);
    } else if (this.#state === "syn-received" || this.#orphaned) {
      this.abort("ETIMEDOUT");
    }
  }

  #armKeepAlive(): void {
    const open =
      this.#state === "established" || this.#state === "close-wait" || this.#state === "fin-wait-2";
    this.#keepAliveDeadlineMs =
      this.#keepAliveIdleMs > 0 && open
        ? this.#lastHeardMs + this.#keepAliveIdleMs
        : Number.POSITIVE_INFINITY;
  }

  #onKeepAlive(nowMs: number): void {
    const idleUntilMs = this.#lastHeardMs + this.#keepAliveIdleMs;
    if (this.#keepAliveProbes === 0 && nowMs < idleUntilMs) {
      this.#keepAliveDeadlineMs = idleUntilMs;
      return;
    }
    // Data in flight is its own probe.
    if (!this.sender.isIdle) {
      this.#keepAliveDeadlineMs = nowMs + this.#keepAliveIdleMs;
      return;
    }
    if (this.#keepAliveProbes >= KEEPALIVE_PROBES) {
      this.#end(this.#softFailure ?? "ETIMEDOUT");
      return;
    }
    this.#keepAliveProbes += 1;
    this.writeProbe((this.sender.una - 1) | 0);
    this.#keepAliveDeadlineMs = nowMs + KEEPALIVE_INTERVAL_MS;
  }

  #reschedule(): void {
    if (this.#state === "closed") return;
    this.#host.schedule(
      this,
      Math.min(
        this.#lifeDeadlineMs,
        this.#synDeadlineMs,
        this.sender.deadlineMs,
        this.receiver.ackDeadlineMs,
        this.#keepAliveDeadlineMs,
      ),
    );
  }

  // ---- flush

  /**
   * Concludes, tells the application, sends. Once per batch of received segments.
   * @returns true when it stopped for the sake of others and wants another turn
   */
  flush(): boolean {
    const host = this.#host;
    if (this.#synAcked && this.#state !== "closed" && this.#state !== "time-wait")
      this.sender.update(host.nowMs);
    this.#tellApplication();
    // The application may have closed or aborted the connection just now.
    if (this.#state === "closed") return false;
    if (this.#synPending) this.#sendSyn();
    let wantsMore = false;
    // SACK blocks go into segments of their own: in a full data segment there is no room for them.
    if (this.receiver.mustAckNow && this.receiver.hasSackNews && this.#synAcked) this.#sendAck();
    if (this.#synAcked && this.#state !== "time-wait") {
      wantsMore = this.sender.transmit(host.nowMs);
      this.#noteFinSent();
      if (this.#wantsWritable && this.writableBytes >= MIN_SEND_BUFFER_BYTES / 4) {
        this.#wantsWritable = false;
        this.handler.onWritable();
        if (this.state === "closed") return false;
      }
    }
    if (this.receiver.mustAckNow && this.#state !== "syn-received") this.#sendAck();
    this.#reschedule();
    return wantsMore;
  }

  #tellApplication(): void {
    if (this.#eventConnected) {
      this.#eventConnected = false;
      this.handler.onConnected();
    }
    if (this.#eventReadable) {
      this.#eventReadable = false;
      this.handler.onReadable();
    }
    if (this.#eventClosed && !this.#closedTold) {
      this.#closedTold = true;
      this.handler.onClosed(this.#failure);
    }
  }

  #noteFinSent(): void {
    if (!this.sender.finSent) return;
    if (this.#state === "established") this.#state = "fin-wait-1";
    else if (this.#state === "close-wait") this.#state = "last-ack";
  }

  #sendSyn(): void {
    const host = this.#host;
    this.#synPending = false;
    this.#synTries += 1;
    this.#synSentMs = host.nowMs;
    const window = Math.min(65_535, this.receiver.limitBytes);
    const passive = this.#state === "syn-received";
    host.writeSegment(
      this,
      passive ? SYN | ACK : SYN,
      this.#initialSequence,
      passive ? this.receiver.next : 0,
      window,
      0,
      0,
    );
    const rtoMs = Math.min(MAX_SYN_RTO_MS, INITIAL_RTO_MS * 2 ** Math.min(10, this.#synTries - 1));
    this.#synDeadlineMs = host.nowMs + rtoMs;
    if (passive) this.receiver.acknowledged();
  }

  /** A new connection may take the place of this one, which only waits for stragglers (RFC 9293 §3.6.1). */
  yieldsTo(synSequence: number): boolean {
    return this.#state === "time-wait" && isAfter(synSequence, this.receiver.next);
  }

  /** What a SYN of ours offers: -1 leaves window scaling out. */
  get synWindowShift(): number {
    return this.#offersScaling ? WINDOW_SHIFT : -1;
  }

  get synSackPermitted(): boolean {
    return this.#offersSack;
  }

  get peerCanSack(): boolean {
    return this.#peerCanSack;
  }

  #sendAck(): void {
    const { receiver } = this;
    this.#host.writeSegment(this, ACK, this.sender.next, receiver.next, receiver.offerWindow(), 0, 0);
    receiver.acknowledged();
  }

  /** SegmentWriter: every data segment carries the newest acknowledgement. */
  writeData(sequence: number, offset: number, length: number, fin: boolean, push: boolean): void {
    const { receiver } = this;
    const flags = ACK | (push && length > 0 ? PSH : 0) | (fin ? FIN : 0);
    this.#host.writeSegment(this, flags, sequence, receiver.next, receiver.offerWindow(), offset, length);
    receiver.acknowledged();
  }

  /** SegmentWriter */
  writeProbe(sequence: number): void {
    const { receiver } = this;
    this.#host.writeSegment(this, ACK, sequence, receiver.next, receiver.offerWindow(), 0, 0);
    receiver.acknowledged();
  }
}
