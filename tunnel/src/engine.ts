import type { Key } from "./api.ts";
import { CookieGiver, cookieKeyOf } from "./noise/cookie.ts";
import { openInitiation } from "./noise/handshake.ts";
import { keyToBase64, publicKeyOf } from "./noise/keys.ts";
import { hasMac, mac1KeyOf } from "./noise/mac.ts";
import { AllowedIps } from "./session/allowed-ips.ts";
import type { Keypair } from "./session/keypair.ts";
import { type Endpoint, Peer, type PeerHost } from "./session/peer.ts";
import { TimerQueue } from "./session/timers.ts";
import { type HeldConnection, type HeldFlow, IpStack, type IpStackHost } from "./stack/ip-stack.ts";
import { RateLimit } from "./stack/rate-limit.ts";
import type { TcpConnection } from "./tcp/connection.ts";
import { WindowBudget } from "./tcp/window-budget.ts";
import { readUint32LittleEndian } from "./wire/bytes.ts";
import type { IpAddress, IpPrefix } from "./wire/ip-address.ts";
import { PACKET_BUFFER_BYTES, PacketBuffer } from "./wire/packet-buffer.ts";
import {
  COOKIE_REPLY,
  INITIATION,
  MAC_BYTES,
  MESSAGE_COOKIE_REPLY,
  MESSAGE_INITIATION,
  MESSAGE_RESPONSE,
  MESSAGE_TRANSPORT,
  parseMessageType,
  RESPONSE,
  TRANSPORT_HEADER_BYTES,
} from "./wire/wireguard-message.ts";

export type { Endpoint } from "./session/peer.ts";

/** Everything the engine wants from the world. No other clock, randomness or I/O is used inside. */
export interface EnginePorts {
  /** Cryptographically secure in production, a fixed sequence in tests. */
  randomBytes(length: number): Uint8Array;
  /** Milliseconds since the epoch, for timestamps in handshakes and "latest handshake". */
  wallMs(): number;
  /**
   * One datagram leaves. `datagram` is only lent for the duration of the call.
   * @returns true when the memory is still needed afterwards; the engine then goes on with fresh memory
   */
  sendDatagram(to: Endpoint, datagram: Uint8Array): boolean;
  /** There is work for `flush` that did not come from `receive` or `tick`: the application wrote or read something. */
  wake(): void;
}

export interface EngineDeviceConfig {
  readonly privateKey: Key;
  readonly addresses: readonly IpAddress[];
  /** Largest inner packet, bytes. */
  readonly mtu: number;
  readonly onConnection?: (held: HeldConnection<Peer>) => void;
  readonly onFlow?: (held: HeldFlow<Peer>) => void;
  readonly onHandshake?: (peer: Peer) => void;
}

export interface EnginePeerConfig {
  readonly publicKey: Key;
  readonly presharedKey?: Key | undefined;
  readonly allowedIps: readonly IpPrefix[];
  readonly endpoint?: Endpoint | undefined;
  readonly persistentKeepaliveSeconds?: number | undefined;
}

/** Above this many initiations per second we ask for proof of address first (paper §5.3). */
const LOAD_LIMIT_PER_SECOND = 200;
const LOAD_BURST = 100;
/** With a valid cookie an address may still start this many handshakes. */
const HANDSHAKES_PER_ADDRESS_PER_SECOND = 20;
const HANDSHAKE_ADDRESS_BURST = 5;
const MAX_LIMITED_ADDRESSES = 10_000;
/** All receive windows together beyond the one each connection starts with. */
const WINDOW_BUDGET_BYTES = 256 * 1024 * 1024;

interface IndexEntry {
  readonly peer: Peer;
  keypair: Keypair | undefined;
}

/**
 * WireGuard devices with an IP stack behind each, on one UDP endpoint: bytes and times in, calls of the ports out.
 *
 * The effects are calls instead of returned lists: at 100,000 datagrams a second a list of objects per datagram would cost
 * more than the cipher. `receive` and `tick` only take notes on TCP; `flush` draws the conclusions, once for a whole batch
 * of datagrams, and is where applications hear of data and segments leave.
 */
export class Engine {
  readonly ports: EnginePorts;
  readonly timers = new TimerQueue();
  readonly budget = new WindowBudget(WINDOW_BUDGET_BYTES);
  /** The time of the call under way. */
  nowMs: number;
  outgoing = new PacketBuffer();
  readonly #incoming = new PacketBuffer();
  readonly #devices = new Set<EngineDevice>();
  readonly #indices = new Map<number, IndexEntry>();
  readonly #cookies: CookieGiver;
  readonly #load = new RateLimit(LOAD_LIMIT_PER_SECOND, LOAD_BURST);
  readonly #addressLimits = new Map<string, RateLimit>();
  #awake: TcpConnection[] = [];
  #flushing: TcpConnection[] = [];
  #flushAt = 0;

  constructor(ports: EnginePorts, nowMs: number) {
    this.ports = ports;
    this.nowMs = nowMs;
    this.#cookies = new CookieGiver(ports.randomBytes);
  }

  addDevice(config: EngineDeviceConfig): EngineDevice {
    const device = new EngineDevice(this, config);
    this.#devices.add(device);
    return device;
  }

  removeDevice(device: EngineDevice): void {
    this.#devices.delete(device);
  }

  // ---- input

  /** Takes in one UDP datagram from the outside. Never throws for what is in it. */
  receive(datagram: Uint8Array, from: Endpoint, nowMs: number): void {
    this.nowMs = nowMs;
    const type = parseMessageType(datagram);
    if (!type.ok || datagram.length > PACKET_BUFFER_BYTES) return;
    switch (type.value) {
      case MESSAGE_TRANSPORT:
        this.#receiveTransport(datagram, from);
        break;
      case MESSAGE_INITIATION:
        this.#receiveInitiation(datagram, from);
        break;
      case MESSAGE_RESPONSE:
        this.#receiveResponse(datagram, from);
        break;
      case MESSAGE_COOKIE_REPLY:
        this.#indices
          .get(readUint32LittleEndian(datagram, COOKIE_REPLY.receiver))
          ?.peer.receiveCookieReply(datagram);
        break;
    }
  }

  /** Runs whatever is due at `nowMs`: keepalives, retries, key expiry, TCP timers. */
  tick(nowMs: number): void {
    this.nowMs = nowMs;
    this.timers.run(nowMs);
  }

  /** When `tick` next may have work; undefined while idle. It can be early, never late. */
  nextDeadlineMs(): number | undefined {
    return this.timers.nextMs();
  }

  /** True when `flush` has something to do. */
  get hasWork(): boolean {
    return this.#awake.length > 0 || this.#flushAt < this.#flushing.length;
  }

  /**
   * Lets every connection that heard something conclude, tell its application and send. A connection with more to send
   * than one turn allows stays for the next call: `hasWork` tells.
   *
   * An exception from an application's handler leaves through here; the connections behind it are served by the next call.
   */
  flush(nowMs: number): void {
    this.nowMs = nowMs;
    if (this.#flushAt >= this.#flushing.length) {
      const done = this.#flushing;
      done.length = 0;
      this.#flushing = this.#awake;
      this.#awake = done;
      this.#flushAt = 0;
    }
    while (this.#flushAt < this.#flushing.length) {
      const connection = this.#flushing[this.#flushAt]!;
      this.#flushAt += 1;
      connection.isAwake = false;
      if (connection.flush()) this.wakeConnection(connection);
    }
  }

  wakeConnection(connection: TcpConnection): void {
    if (connection.isAwake) return;
    connection.isAwake = true;
    if (this.#awake.length === 0) this.ports.wake();
    this.#awake.push(connection);
  }

  #receiveTransport(datagram: Uint8Array, from: Endpoint): void {
    const entry = this.#indices.get(readUint32LittleEndian(datagram, 4));
    if (entry?.keypair === undefined) return;
    const incoming = this.#incoming;
    incoming.bytes.set(datagram, 0);
    const plainBytes = entry.peer.open(entry.keypair, incoming, datagram.length, from);
    if (plainBytes <= 0) return;
    const device = (entry.peer as DevicePeer).device;
    device.receivePacket(incoming, TRANSPORT_HEADER_BYTES + plainBytes, entry.peer);
  }

  #receiveInitiation(message: Uint8Array, from: Endpoint): void {
    for (const device of this.#devices) {
      if (!hasMac(device.mac1Key, message, INITIATION.mac1)) continue;
      const sender = readUint32LittleEndian(message, INITIATION.sender);
      if (!this.#mayCompute(device, message, INITIATION.mac1, INITIATION.mac2, sender, from)) return;
      device.receiveInitiation(message, from);
      return;
    }
  }

  #receiveResponse(message: Uint8Array, from: Endpoint): void {
    const entry = this.#indices.get(readUint32LittleEndian(message, RESPONSE.receiver));
    if (entry === undefined || entry.keypair !== undefined) return;
    const device = (entry.peer as DevicePeer).device;
    if (!hasMac(device.mac1Key, message, RESPONSE.mac1)) return;
    const sender = readUint32LittleEndian(message, RESPONSE.sender);
    if (!this.#mayCompute(device, message, RESPONSE.mac1, RESPONSE.mac2, sender, from)) return;
    entry.peer.receiveResponse(message, from);
  }

  /** Under load, only for senders that have shown they own their address; others get a cookie. */
  #mayCompute(
    device: EngineDevice,
    message: Uint8Array,
    mac1Offset: number,
    mac2Offset: number,
    senderIndex: number,
    from: Endpoint,
  ): boolean {
    if (this.#load.take(this.nowMs)) return true;
    if (this.#cookies.accepts(message, mac2Offset, from.address, from.port, this.nowMs)) {
      return this.#limitOf(from.address).take(this.nowMs);
    }
    const mac1 = message.subarray(mac1Offset, mac1Offset + MAC_BYTES);
    const reply = this.#cookies.reply(
      device.cookieKey,
      senderIndex,
      mac1,
      from.address,
      from.port,
      this.nowMs,
    );
    this.ports.sendDatagram(from, reply);
    return false;
  }

  #limitOf(address: string): RateLimit {
    let limit = this.#addressLimits.get(address);
    if (limit === undefined) {
      if (this.#addressLimits.size >= MAX_LIMITED_ADDRESSES) this.#forgetQuietAddresses();
      limit = new RateLimit(HANDSHAKES_PER_ADDRESS_PER_SECOND, HANDSHAKE_ADDRESS_BURST);
      this.#addressLimits.set(address, limit);
    }
    return limit;
  }

  #forgetQuietAddresses(): void {
    for (const [address, limit] of this.#addressLimits) {
      if (limit.isFull(this.nowMs)) this.#addressLimits.delete(address);
    }
    // All of them are busy: the oldest one makes room.
    if (this.#addressLimits.size >= MAX_LIMITED_ADDRESSES) {
      for (const oldest of this.#addressLimits.keys()) {
        this.#addressLimits.delete(oldest);
        break;
      }
    }
  }

  // ---- for the devices

  claimIndex(peer: Peer): number {
    for (;;) {
      const index = readUint32LittleEndian(this.ports.randomBytes(4), 0);
      if (this.#indices.has(index)) continue;
      this.#indices.set(index, { peer, keypair: undefined });
      return index;
    }
  }

  assignIndex(index: number, peer: Peer, keypair: Keypair): void {
    this.#indices.set(index, { peer, keypair });
  }

  releaseIndex(index: number): void {
    this.#indices.delete(index);
  }

  /** Sends `[0, bytes)` of the outgoing buffer. */
  sendOutgoing(to: Endpoint, bytes: number): void {
    if (this.ports.sendDatagram(to, this.outgoing.view(0, bytes))) this.outgoing = new PacketBuffer();
  }
}

/** A peer that knows which device it belongs to. */
class DevicePeer extends Peer {
  readonly device: EngineDevice;
  /** The prefixes as configured and still owned, to tell a change from a repetition. */
  allowedIps: string | undefined;

  constructor(device: EngineDevice, publicKey: Key) {
    super(device, publicKey);
    this.device = device;
  }
}

/** One WireGuard interface: a key, peers with their allowed IPs, and an IP stack. */
export class EngineDevice implements PeerHost, IpStackHost<Peer> {
  readonly staticPrivate: Key;
  readonly staticPublic: Key;
  readonly mac1Key: Uint8Array;
  readonly cookieKey: Uint8Array;
  readonly mtu: number;
  readonly stack: IpStack<Peer>;
  routeEpoch = 0;
  readonly #engine: Engine;
  readonly #peers = new Map<string, DevicePeer>();
  readonly #allowedIps = new AllowedIps<Peer>();
  readonly #onHandshake: ((peer: Peer) => void) | undefined;

  constructor(engine: Engine, config: EngineDeviceConfig) {
    this.#engine = engine;
    this.staticPrivate = Uint8Array.from(config.privateKey);
    this.staticPublic = publicKeyOf(this.staticPrivate);
    this.mac1Key = mac1KeyOf(this.staticPublic);
    this.cookieKey = cookieKeyOf(this.staticPublic);
    this.mtu = config.mtu;
    this.#onHandshake = config.onHandshake;
    this.stack = new IpStack<Peer>(this, {
      mtu: config.mtu,
      onConnection: config.onConnection,
      onFlow: config.onFlow,
    });
    this.stack.setAddresses(config.addresses);
  }

  /** Adds the peer or replaces its configuration; a running session survives. */
  setPeer(config: EnginePeerConfig): void {
    const id = keyToBase64(config.publicKey);
    let peer = this.#peers.get(id);
    if (peer === undefined) {
      peer = new DevicePeer(this, config.publicKey);
      this.#peers.set(id, peer);
    }
    if (config.endpoint !== undefined) peer.endpoint = config.endpoint;
    this.#setAllowedIps(peer, config.allowedIps);
    peer.configure(config.presharedKey, config.persistentKeepaliveSeconds ?? 0);
  }

  #setAllowedIps(peer: DevicePeer, prefixes: readonly IpPrefix[]): void {
    const text = prefixes.map(({ address, length }) => `${address.text}/${length}`).join();
    // Configuration is often repeated as it is; only a change may cost a look at every connection.
    if (peer.allowedIps === text) return;
    peer.allowedIps = text;
    this.#allowedIps.removeOwner(peer);
    for (const prefix of prefixes) {
      const previous = this.#allowedIps.insert(prefix, peer) as DevicePeer | undefined;
      // It lost something: the next repetition of its configuration is a change and takes it back.
      if (previous !== undefined) previous.allowedIps = undefined;
    }
    this.routeEpoch += 1;
    this.stack.dropUnroutable();
  }

  removePeer(publicKey: Key): void {
    const id = keyToBase64(publicKey);
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    this.#peers.delete(id);
    this.#allowedIps.removeOwner(peer);
    this.routeEpoch += 1;
    this.stack.dropUnroutable();
    peer.close();
  }

  peers(): Peer[] {
    return [...this.#peers.values()];
  }

  receivePacket(buffer: PacketBuffer, end: number, peer: Peer): void {
    if (!this.#mayComeFrom(buffer.bytes, end, peer)) return;
    this.stack.receive(buffer, end, peer);
  }

  /** Crypto routing (paper §2): the inner source must be one of this peer's allowed IPs. */
  #mayComeFrom(bytes: Uint8Array, end: number, peer: Peer): boolean {
    const at = TRANSPORT_HEADER_BYTES;
    const version = bytes[at]! >>> 4;
    if (version === 4 && end - at >= 20) {
      return this.#allowedIps.lookup(4, 0, 0, 0xffff, wordAt(bytes, at + 12)) === peer;
    }
    if (version === 6 && end - at >= 40) {
      const w0 = wordAt(bytes, at + 8);
      const w1 = wordAt(bytes, at + 12);
      return this.#allowedIps.lookup(6, w0, w1, wordAt(bytes, at + 16), wordAt(bytes, at + 20)) === peer;
    }
    return false;
  }

  receiveInitiation(message: Uint8Array, from: Endpoint): void {
    const received = openInitiation(message, {
      staticPrivate: this.staticPrivate,
      staticPublic: this.staticPublic,
      staticSharedWith: (remote) => this.#peers.get(keyToBase64(remote))?.staticShared,
    });
    if (received === undefined) return;
    this.#peers.get(keyToBase64(received.remoteStatic))?.receiveInitiation(received, from);
  }

  /** Ends all connections, forgets all peers and keys. */
  close(): void {
    this.stack.close();
    for (const peer of this.peers()) this.removePeer(peer.publicKey);
    this.#engine.removeDevice(this);
  }

  // ---- PeerHost and IpStackHost

  get nowMs(): number {
    return this.#engine.nowMs;
  }

  get timers(): TimerQueue {
    return this.#engine.timers;
  }

  get budget(): WindowBudget {
    return this.#engine.budget;
  }

  get packetBuffer(): PacketBuffer {
    return this.#engine.outgoing;
  }

  randomBytes(length: number): Uint8Array {
    return this.#engine.ports.randomBytes(length);
  }

  random32(): number {
    return readUint32LittleEndian(this.randomBytes(4), 0) | 0;
  }

  wallMs(): number {
    return this.#engine.ports.wallMs();
  }

  claimIndex(peer: Peer): number {
    return this.#engine.claimIndex(peer);
  }

  assignIndex(index: number, peer: Peer, keypair: Keypair): void {
    this.#engine.assignIndex(index, peer, keypair);
  }

  releaseIndex(index: number): void {
    this.#engine.releaseIndex(index);
  }

  sendMessage(to: Endpoint, message: Uint8Array): void {
    this.#engine.ports.sendDatagram(to, message);
  }

  sendBuffer(to: Endpoint, bytes: number): void {
    this.#engine.sendOutgoing(to, bytes);
  }

  onHandshake(peer: Peer): void {
    this.#onHandshake?.(peer);
  }

  routeTo(address: IpAddress): Peer | undefined {
    return this.#allowedIps.lookup(address.family, address.w0, address.w1, address.w2, address.w3);
  }

  send(route: Peer, packetBytes: number): void {
    route.sendPacket(this.#engine.outgoing, packetBytes);
  }

  wake(connection: TcpConnection): void {
    this.#engine.wakeConnection(connection);
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
