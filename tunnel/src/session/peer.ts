import type { Key } from "../api.ts";
import { wipe } from "../noise/aead.ts";
import { COOKIE_LIFETIME_MS, cookieKeyOf, openCookieReply } from "../noise/cookie.ts";
import {
  createInitiation,
  createResponse,
  openResponse,
  type PendingInitiation,
  type ReceivedInitiation,
  type TransportKeys,
} from "../noise/handshake.ts";
import { sharedSecret } from "../noise/keys.ts";
import { mac, mac1KeyOf } from "../noise/mac.ts";
import { isLater, TAI64N_BYTES, tai64n } from "../noise/tai64n.ts";
import { readUint32LittleEndian } from "../wire/bytes.ts";
import type { PacketBuffer } from "../wire/packet-buffer.ts";
import {
  COOKIE_REPLY,
  INITIATION,
  MAC_BYTES,
  RESPONSE,
  TRANSPORT_HEADER_BYTES,
} from "../wire/wireguard-message.ts";
import { Keypair, REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES } from "./keypair.ts";
import {
  KEEPALIVE_TIMEOUT_MS,
  REJECT_AFTER_TIME_MS,
  REKEY_AFTER_TIME_MS,
  REKEY_ATTEMPT_TIME_MS,
  REKEY_JITTER_MAX_MS,
  REKEY_TIMEOUT_MS,
  type Timed,
  type TimerQueue,
  WIPE_AFTER_TIME_MS,
} from "./timers.ts";

/** Where a datagram comes from or goes to: an address literal and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What a peer needs from the device and engine around it. */
export interface PeerHost {
  readonly nowMs: number;
  readonly timers: TimerQueue;
  readonly staticPrivate: Key;
  readonly staticPublic: Key;
  readonly mtu: number;
  /** A packet buffer for packets that do not start in the stack: keepalives and staged ones. */
  readonly packetBuffer: PacketBuffer;
  randomBytes(length: number): Uint8Array;
  /** Milliseconds since the epoch, for the timestamp of initiations. */
  wallMs(): number;
  /** Registers an index that is unique on the socket. `keypair` is undefined while it only awaits a response. */
  claimIndex(peer: Peer): number;
  assignIndex(index: number, peer: Peer, keypair: Keypair): void;
  releaseIndex(index: number): void;
  sendMessage(to: Endpoint, message: Uint8Array): void;
  /** Sends `[0, bytes)` of the packet buffer. */
  sendBuffer(to: Endpoint, bytes: number): void;
  onHandshake(peer: Peer): void;
}

/** Packets kept while there is no session; the oldest goes first. */
const MAX_STAGED_PACKETS = 128;
/** As in the reference implementations: more than 50 initiations per second and peer are not looked at. */
const MIN_INITIATION_SPACING_MS = 20;
const NEVER = Number.POSITIVE_INFINITY;

/** A WireGuard peer: its sessions, its handshakes in both roles, and the timers of paper §6. */
export class Peer implements Timed {
  readonly publicKey: Key;
  readonly #host: PeerHost;
  readonly #staticShared: Uint8Array | undefined;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #presharedKey: Key | undefined;
  #persistentKeepaliveMs = 0;
  endpoint: Endpoint | undefined;

  #previous: Keypair | undefined;
  #current: Keypair | undefined;
  #next: Keypair | undefined;
  #pending: PendingInitiation | undefined;
  readonly #newestTimestamp: Uint8Array = new Uint8Array(TAI64N_BYTES);
  #lastInitiationReceivedMs = Number.NEGATIVE_INFINITY;
  #lastInitiationSentMs = Number.NEGATIVE_INFINITY;
  #attemptsSinceMs = 0;

  #lastMac1: Uint8Array | undefined;
  #cookie: Uint8Array | undefined;
  #cookieSinceMs = 0;

  readonly #staged: Uint8Array[] = [];
  /** Drawn once: this deadline is armed with almost every packet, too often for fresh randomness. */
  readonly #silenceJitterMs: number;

  rxBytes = 0;
  txBytes = 0;
  /** Milliseconds since the epoch; undefined before the first handshake. */
  latestHandshakeMs: number | undefined;

  // Timed
  deadlineMs = NEVER;
  queuedMs = 0;
  heapIndex = -1;
  #retryHandshakeMs = NEVER;
  #sendKeepaliveMs = NEVER;
  #peerSilentMs = NEVER;
  #wipeMs = NEVER;
  #persistentMs = NEVER;

  constructor(host: PeerHost, publicKey: Key) {
    this.#host = host;
    this.publicKey = Uint8Array.from(publicKey);
    this.#staticShared = sharedSecret(host.staticPrivate, publicKey);
    this.#mac1Key = mac1KeyOf(publicKey);
    this.#cookieKey = cookieKeyOf(publicKey);
    this.#silenceJitterMs = this.#jitterMs();
  }

  /** DH of the two static keys; undefined for a key of low order, with which no handshake can be made. */
  get staticShared(): Uint8Array | undefined {
    return this.#staticShared;
  }

  /** Changes take effect without disturbing a running session; a new pre-shared key counts from the next handshake. */
  configure(presharedKey: Key | undefined, persistentKeepaliveSeconds: number): void {
    this.#presharedKey = presharedKey === undefined ? undefined : Uint8Array.from(presharedKey);
    const intervalMs = persistentKeepaliveSeconds * 1000;
    if (intervalMs === this.#persistentKeepaliveMs) return;
    this.#persistentKeepaliveMs = intervalMs;
    // Switching it on sends one at once, which opens the path through a NAT.
    this.#persistentMs = intervalMs > 0 ? this.#host.nowMs : NEVER;
    this.#reschedule();
  }

  // ---- sending

  /** True while packets can be sealed at once. */
  get hasSession(): boolean {
    return this.#sendingPair() !== undefined;
  }

  #sendingPair(): Keypair | undefined {
    const pair = this.#current;
    if (pair === undefined) return undefined;
    if (this.#host.nowMs - pair.createdMs >= REJECT_AFTER_TIME_MS) return undefined;
    return pair.sentMessages < REJECT_AFTER_MESSAGES ? pair : undefined;
  }

  /** Sends the inner packet `[16, 16 + packetBytes)` of `buffer`, or keeps a copy until there is a session. */
  sendPacket(buffer: PacketBuffer, packetBytes: number): void {
    const pair = this.#sendingPair();
    if (pair === undefined || this.endpoint === undefined) {
      this.#stage(buffer.bytes.slice(TRANSPORT_HEADER_BYTES, TRANSPORT_HEADER_BYTES + packetBytes));
      this.#startHandshake();
      return;
    }
    this.#seal(pair, buffer, packetBytes);
  }

  #seal(pair: Keypair, buffer: PacketBuffer, packetBytes: number): void {
    // Padding hides lengths a little; it must not push the packet over the MTU (paper §5.4.6).
    const padded = Math.min((packetBytes + 15) & ~15, Math.max(packetBytes, this.#host.mtu));
    const end = TRANSPORT_HEADER_BYTES + packetBytes;
    for (let at = end; at < TRANSPORT_HEADER_BYTES + padded; at += 1) buffer.bytes[at] = 0;
    const bytes = pair.seal(buffer, padded);
    this.txBytes += bytes;
    this.#host.sendBuffer(this.endpoint!, bytes);
    if (packetBytes > 0 && this.#peerSilentMs === NEVER) {
      this.#peerSilentMs = this.#host.nowMs + KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS + this.#silenceJitterMs;
    }
    this.#sendKeepaliveMs = NEVER;
    this.#traversed();
    this.#renewAfterSending(pair);
  }

  #renewAfterSending(pair: Keypair): void {
    const old = pair.isInitiator && this.#host.nowMs - pair.createdMs >= REKEY_AFTER_TIME_MS;
    if (old || pair.sentMessages >= REKEY_AFTER_MESSAGES) this.#startHandshake();
  }

  #stage(packet: Uint8Array): void {
    if (this.#staged.length >= MAX_STAGED_PACKETS) this.#staged.shift();
    this.#staged.push(packet);
  }

  #sendStaged(): void {
    const packets = this.#staged.splice(0);
    for (const packet of packets) {
      const pair = this.#sendingPair();
      if (pair === undefined || this.endpoint === undefined) return;
      const buffer = this.#host.packetBuffer;
      buffer.bytes.set(packet, TRANSPORT_HEADER_BYTES);
      this.#seal(pair, buffer, packet.length);
    }
  }

  /** Sends an empty message, or starts the handshake that must come first. */
  sendKeepalive(): void {
    const pair = this.#sendingPair();
    if (pair === undefined || this.endpoint === undefined) this.#startHandshake();
    else this.#seal(pair, this.#host.packetBuffer, 0);
  }

  // ---- handshakes

  #startHandshake(): void {
    // One is under way: its own timer repeats it, and gives up some day.
    if (this.#retryHandshakeMs !== NEVER) return;
    this.#attemptsSinceMs = this.#host.nowMs;
    this.#sendInitiation();
  }

  #sendInitiation(): void {
    const host = this.#host;
    if (this.endpoint === undefined) return;
    if (host.nowMs - this.#lastInitiationSentMs < REKEY_TIMEOUT_MS) {
      this.#retryHandshakeMs = this.#lastInitiationSentMs + REKEY_TIMEOUT_MS;
      this.#reschedule();
      return;
    }
    this.#dropPending();
    const senderIndex = host.claimIndex(this);
    const created = createInitiation({
      staticPrivate: host.staticPrivate,
      staticPublic: host.staticPublic,
      remoteStatic: this.publicKey,
      staticShared: this.#staticShared,
      remoteMac1Key: this.#mac1Key,
      ephemeralRandom: host.randomBytes(32),
      senderIndex,
      timestamp: tai64n(host.wallMs()),
    });
    if (created === undefined) {
      host.releaseIndex(senderIndex);
      return;
    }
    this.#pending = created.pending;
    this.#lastInitiationSentMs = host.nowMs;
    this.#retryHandshakeMs = host.nowMs + REKEY_TIMEOUT_MS + this.#jitterMs();
    this.#sendHandshakeMessage(created.message, INITIATION.mac1, INITIATION.mac2);
  }

  #sendHandshakeMessage(message: Uint8Array, mac1Offset: number, mac2Offset: number): void {
    this.#lastMac1 = message.slice(mac1Offset, mac1Offset + MAC_BYTES);
    if (this.#cookie !== undefined) {
      if (this.#host.nowMs - this.#cookieSinceMs < COOKIE_LIFETIME_MS) {
        message.set(mac(this.#cookie, message.subarray(0, mac2Offset)), mac2Offset);
      } else {
        this.#cookie = undefined;
      }
    }
    this.txBytes += message.length;
    this.#host.sendMessage(this.endpoint!, message);
    this.#traversed();
  }

  /**
   * Answers an initiation that was opened with our static key.
   * @returns false when it is a replay or comes too soon after the last one
   */
  receiveInitiation(received: ReceivedInitiation, from: Endpoint): boolean {
    const host = this.#host;
    if (!isLater(received.timestamp, this.#newestTimestamp)) return false;
    if (host.nowMs - this.#lastInitiationReceivedMs < MIN_INITIATION_SPACING_MS) return false;
    this.#newestTimestamp.set(received.timestamp);
    this.#lastInitiationReceivedMs = host.nowMs;
    const index = host.claimIndex(this);
    const created = createResponse(received, this.#presharedKey, this.#mac1Key, host.randomBytes(32), index);
    if (created === undefined) {
      host.releaseIndex(index);
      return false;
    }
    this.#roamTo(from);
    const pair = new Keypair(created.keys, index, false, host.nowMs);
    // The initiator has not shown yet that it got our answer: keep sending with what works.
    this.#drop(this.#next);
    this.#next = pair;
    host.assignIndex(index, this, pair);
    this.#peerAlive();
    this.#wipeMs = host.nowMs + WIPE_AFTER_TIME_MS;
    this.#sendHandshakeMessage(created.message, RESPONSE.mac1, RESPONSE.mac2);
    return true;
  }

  /** @returns false when the message does not answer our latest initiation */
  receiveResponse(message: Uint8Array, from: Endpoint): boolean {
    const host = this.#host;
    const pending = this.#pending;
    if (pending === undefined) return false;
    if (readUint32LittleEndian(message, RESPONSE.receiver) !== pending.senderIndex) return false;
    const keys = openResponse(message, pending, host.staticPrivate, this.#presharedKey);
    if (keys === undefined) return false;
    this.#pending = undefined;
    wipe(pending.ephemeralPrivate);
    this.#roamTo(from);
    this.#startSession(keys, pending.senderIndex);
    return true;
  }

  #startSession(keys: TransportKeys, index: number): void {
    const host = this.#host;
    const pair = new Keypair(keys, index, true, host.nowMs);
    host.assignIndex(index, this, pair);
    this.#drop(this.#previous);
    this.#previous = this.#current;
    this.#current = pair;
    this.#peerAlive();
    this.#handshakeCompleted();
    // The responder may not send before it has heard from us under the new keys (paper §5.4.5).
    if (this.#staged.length > 0) this.#sendStaged();
    else this.sendKeepalive();
  }

  /** Takes a cookie for the message we sent last; it is used with the next one, not to try again at once. */
  receiveCookieReply(message: Uint8Array): void {
    if (this.#lastMac1 === undefined) return;
    const receiver = readUint32LittleEndian(message, COOKIE_REPLY.receiver);
    const isOurs = this.#pending?.senderIndex === receiver || this.#next?.localIndex === receiver;
    if (!isOurs) return;
    const cookie = openCookieReply(this.#cookieKey, message, this.#lastMac1);
    if (cookie === undefined) return;
    this.#lastMac1 = undefined;
    this.#cookie = cookie;
    this.#cookieSinceMs = this.#host.nowMs;
  }

  #handshakeCompleted(): void {
    const host = this.#host;
    this.#retryHandshakeMs = NEVER;
    this.#wipeMs = host.nowMs + WIPE_AFTER_TIME_MS;
    this.latestHandshakeMs = host.wallMs();
    this.#reschedule();
    host.onHandshake(this);
  }

  // ---- receiving

  /**
   * Opens the transport message `[0, datagramBytes)` of `buffer`.
   * @returns bytes of inner packet with padding from offset 16, 0 for a keepalive, -1 when it is not acceptable
   */
  open(pair: Keypair, buffer: PacketBuffer, datagramBytes: number, from: Endpoint): number {
    const host = this.#host;
    if (host.nowMs - pair.createdMs >= REJECT_AFTER_TIME_MS) return -1;
    const plainBytes = pair.open(buffer, datagramBytes);
    if (plainBytes < 0) return -1;
    this.rxBytes += datagramBytes;
    this.#roamTo(from);
    if (pair === this.#next) this.#promoteNext();
    this.#peerAlive();
    if (plainBytes > 0 && this.#sendKeepaliveMs === NEVER) {
      this.#sendKeepaliveMs = host.nowMs + KEEPALIVE_TIMEOUT_MS;
      this.#reschedule();
    }
    this.#renewAfterReceiving(pair);
    return plainBytes;
  }

  #promoteNext(): void {
    this.#drop(this.#previous);
    this.#previous = this.#current;
    this.#current = this.#next;
    this.#next = undefined;
    this.#handshakeCompleted();
    this.#sendStaged();
  }

  /** A session about to expire in the hands of somebody who only receives (paper §6.2). */
  #renewAfterReceiving(pair: Keypair): void {
    if (!pair.isInitiator || pair !== this.#current || pair.renewalAsked) return;
    const limitMs = REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS;
    if (this.#host.nowMs - pair.createdMs < limitMs) return;
    pair.renewalAsked = true;
    this.#startHandshake();
  }

  #roamTo(from: Endpoint): void {
    const { endpoint } = this;
    if (endpoint !== undefined && endpoint.port === from.port && endpoint.address === from.address) return;
    this.endpoint = { address: from.address, port: from.port };
  }

  // ---- timers

  /** Something authenticated arrived. */
  #peerAlive(): void {
    this.#peerSilentMs = NEVER;
    this.#traversed();
  }

  /** Something authenticated went one way or the other. */
  #traversed(): void {
    if (this.#persistentKeepaliveMs > 0) this.#persistentMs = this.#host.nowMs + this.#persistentKeepaliveMs;
    this.#reschedule();
  }

  #reschedule(): void {
    this.#host.timers.schedule(
      this,
      Math.min(
        this.#retryHandshakeMs,
        this.#sendKeepaliveMs,
        this.#peerSilentMs,
        this.#wipeMs,
        this.#persistentMs,
      ),
    );
  }

  onDeadline(nowMs: number): void {
    if (this.#wipeMs <= nowMs) {
      this.#wipeMs = NEVER;
      this.#forgetSessions();
    }
    if (this.#retryHandshakeMs <= nowMs) {
      this.#retryHandshakeMs = NEVER;
      if (nowMs - this.#attemptsSinceMs >= REKEY_ATTEMPT_TIME_MS) this.#giveUpHandshake();
      else this.#sendInitiation();
    }
    if (this.#sendKeepaliveMs <= nowMs) {
      this.#sendKeepaliveMs = NEVER;
      this.sendKeepalive();
    }
    if (this.#peerSilentMs <= nowMs) {
      this.#peerSilentMs = NEVER;
      this.#startHandshake();
    }
    if (this.#persistentMs <= nowMs) {
      this.#persistentMs = nowMs + this.#persistentKeepaliveMs;
      this.sendKeepalive();
    }
    this.#reschedule();
  }

  #giveUpHandshake(): void {
    this.#dropPending();
    this.#staged.length = 0;
    if (this.#wipeMs === NEVER) this.#wipeMs = this.#host.nowMs + WIPE_AFTER_TIME_MS;
  }

  #jitterMs(): number {
    const random = this.#host.randomBytes(2);
    return ((random[0]! | (random[1]! << 8)) * REKEY_JITTER_MAX_MS) / 0xffff;
  }

  #dropPending(): void {
    if (this.#pending === undefined) return;
    this.#host.releaseIndex(this.#pending.senderIndex);
    wipe(this.#pending.ephemeralPrivate);
    this.#pending = undefined;
  }

  #drop(pair: Keypair | undefined): void {
    if (pair === undefined) return;
    this.#host.releaseIndex(pair.localIndex);
    pair.wipe();
  }

  #forgetSessions(): void {
    this.#dropPending();
    for (const pair of [this.#previous, this.#current, this.#next]) this.#drop(pair);
    this.#previous = undefined;
    this.#current = undefined;
    this.#next = undefined;
  }

  /** Erases all keys and timers; the peer must not be used after this. */
  close(): void {
    this.#forgetSessions();
    this.#staged.length = 0;
    this.#host.timers.remove(this);
    if (this.#staticShared !== undefined) wipe(this.#staticShared);
  }
}
