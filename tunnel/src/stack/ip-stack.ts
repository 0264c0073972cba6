import type { Timed, TimerQueue } from "../session/timers.ts";
import { TcpConnection, type TcpFailure, type TcpHost } from "../tcp/connection.ts";
import type { WindowBudget } from "../tcp/window-budget.ts";
import { readInt32, readUint16 } from "../wire/bytes.ts";
import {
  ICMP_HEADER_BYTES,
  IcmpMessage,
  type IcmpToWrite,
  parseIcmp,
  writeIcmpHeader,
} from "../wire/icmp.ts";
import { type IpAddress, ipv4FromWord, ipv6FromWords } from "../wire/ip-address.ts";
import {
  IpPacket,
  PROTOCOL_ICMP,
  PROTOCOL_ICMPV6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  parseIpPacket,
} from "../wire/ip-packet.ts";
import { IPV4_HEADER_BYTES, ipv4FragmentField, writeIpv4Header } from "../wire/ipv4.ts";
import {
  FRAGMENT,
  IPV6_FRAGMENT_HEADER_BYTES,
  IPV6_HEADER_BYTES,
  writeIpv6FragmentHeader,
  writeIpv6Header,
} from "../wire/ipv6.ts";
import { PacketBuffer } from "../wire/packet-buffer.ts";
import {
  ACK,
  FIN,
  MAX_SACK_BLOCKS,
  parseTcpSegment,
  RST,
  SYN,
  TCP_HEADER_BYTES,
  TcpSegment,
  writeSackOption,
  writeSynOptions,
  writeTcpHeader,
} from "../wire/tcp-segment.ts";
import { parseUdp, UDP_HEADER_BYTES, UdpDatagram, writeUdpHeader } from "../wire/udp.ts";
import { TRANSPORT_HEADER_BYTES } from "../wire/wireguard-message.ts";
import { type Flow, type FlowEndpoints, FlowTable } from "./flow-table.ts";
import { Fragments } from "./fragments.ts";
import { RateLimit } from "./rate-limit.ts";
import { UdpFlow } from "./udp-flow.ts";

/** Inner packets lie where WireGuard's header leaves room for them, in both directions. */
const PACKET_START = TRANSPORT_HEADER_BYTES;
const FIRST_EPHEMERAL_PORT = 32_768;
const EPHEMERAL_PORTS = 65_536 - FIRST_EPHEMERAL_PORT;
/** Connection attempts that wait for a decision. The peers are authenticated, but one may still be broken. */
const MAX_HELD_CONNECTIONS = 4096;
const MAX_HELD_FLOWS = 1024;
const HELD_LIFETIME_MS = 30_000;
/** Errors and resets we send for packets that belong to nothing. */
const ERRORS_PER_SECOND = 200;
/** How much of a packet an ICMP error quotes: header and ports would do, more helps debugging (RFC 1812 §4.3.2.3). */
const QUOTED_BYTES = 128;
const MAX_PACKET_BYTES = 65_535;
const MIN_MTU_V4 = 576;
const MIN_MTU_V6 = 1280;

/** What the stack needs from the WireGuard device around it. `Route` is the device's idea of a peer. */
export interface IpStackHost<Route> {
  readonly nowMs: number;
  readonly timers: TimerQueue;
  readonly budget: WindowBudget;
  /** Where the next outgoing packet is written, from offset 16. It may be another object after each `send`. */
  readonly packetBuffer: PacketBuffer;
  /** Changes whenever `routeTo` may answer differently. */
  readonly routeEpoch: number;
  routeTo(address: IpAddress): Route | undefined;
  /** Sends `[16, 16 + packetBytes)` of the packet buffer. */
  send(route: Route, packetBytes: number): void;
  random32(): number;
  wake(connection: TcpConnection): void;
}

/** A SYN that waits for a decision. */
export interface HeldConnection<Route> {
  readonly endpoints: FlowEndpoints;
  readonly route: Route;
  /** @returns undefined when the attempt was decided or given up before */
  accept(): TcpConnection | undefined;
  refuse(how: "refused" | "unreachable" | "drop"): void;
}

/** A first datagram that waits for a decision. */
export interface HeldFlow<Route> {
  readonly endpoints: FlowEndpoints;
  readonly route: Route;
  accept(): UdpFlow | undefined;
  refuse(how: "unreachable" | "drop"): void;
}

export interface IpStackOptions<Route> {
  readonly mtu: number;
  readonly onConnection?: ((held: HeldConnection<Route>) => void) | undefined;
  readonly onFlow?: ((held: HeldFlow<Route>) => void) | undefined;
}

class Held<Route> implements Flow<Held<Route>>, Timed {
  readonly endpoints: FlowEndpoints;
  readonly route: Route;
  /** The start of the packet, for quoting it in an error. */
  readonly quoted: Uint8Array;
  readonly syn: TcpSegment | undefined;
  readonly flow: UdpFlow | undefined;
  nextInBucket: Held<Route> | undefined;
  isDecided = false;
  deadlineMs = Number.POSITIVE_INFINITY;
  queuedMs = 0;
  heapIndex = -1;
  readonly #onExpired: (held: Held<Route>) => void;

  constructor(
    endpoints: FlowEndpoints,
    route: Route,
    quoted: Uint8Array,
    what: { syn?: TcpSegment; flow?: UdpFlow },
    onExpired: (held: Held<Route>) => void,
  ) {
    this.endpoints = endpoints;
    this.route = route;
    this.quoted = quoted;
    this.syn = what.syn;
    this.flow = what.flow;
    this.#onExpired = onExpired;
  }

  onDeadline(): void {
    this.#onExpired(this);
  }
}

interface PendingEcho extends Timed {
  readonly sentMs: number;
  readonly address: IpAddress;
  readonly done: (outcome: EchoOutcome) => void;
}

export type EchoOutcome = { ok: true; roundTripMs: number } | { ok: false; why: "timeout" | "unreachable" };

export type DialFailure = "no-route" | "no-address" | "no-port";

/**
 * The IP host behind one WireGuard device: IPv4 and IPv6, ICMP echo, UDP and TCP. It answers for every address that is
 * routed to it, so that a routing peer can stand in for whole networks.
 */
export class IpStack<Route> implements TcpHost {
  readonly #host: IpStackHost<Route>;
  readonly #options: IpStackOptions<Route>;
  readonly #connections: FlowTable<TcpConnection>;
  readonly #flows: FlowTable<UdpFlow>;
  readonly #heldConnections: FlowTable<Held<Route>>;
  readonly #heldFlows: FlowTable<Held<Route>>;
  readonly #echoes = new Map<number, PendingEcho>();
  readonly #errorLimit = new RateLimit(ERRORS_PER_SECOND, ERRORS_PER_SECOND);
  #addressV4: IpAddress | undefined;
  #addressV6: IpAddress | undefined;
  #identification: number;

  readonly #fragments = new Fragments();
  /** Where a datagram larger than the MTU is put together before it is cut; made when there is one. */
  #oversize: PacketBuffer | undefined;

  // Filled again for every packet.
  readonly #packet = new IpPacket();
  readonly #segment = new TcpSegment();
  readonly #datagram = new UdpDatagram();
  readonly #icmp = new IcmpMessage();
  readonly #sackEdges = new Int32Array(MAX_SACK_BLOCKS * 2);

  constructor(host: IpStackHost<Route>, options: IpStackOptions<Route>) {
    this.#host = host;
    this.#options = options;
    const seed = host.random32();
    this.#connections = new FlowTable(seed);
    this.#flows = new FlowTable(seed);
    this.#heldConnections = new FlowTable(seed);
    this.#heldFlows = new FlowTable(seed);
    this.#identification = host.random32() & 0xffff;
  }

  setAddresses(addresses: readonly IpAddress[]): void {
    this.#addressV4 = addresses.find((address) => address.family === 4);
    this.#addressV6 = addresses.find((address) => address.family === 6);
  }

  /** Open and closing connections. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  // ---- dialing

  /**
   * Starts a connection; its handler hears how it went.
   * @param localPort a free random one unless given
   */
  connect(
    remoteAddress: IpAddress,
    remotePort: number,
    timeoutMs: number,
    localPort?: number,
  ): { ok: true; connection: TcpConnection } | { ok: false; why: DialFailure } {
    const endpoints = this.#newEndpoints(remoteAddress, remotePort, this.#connections, localPort);
    if (!endpoints.ok) return endpoints;
    const connection = this.#newConnection(endpoints.value);
    connection.connect(timeoutMs);
    return { ok: true, connection };
  }

  openFlow(
    remoteAddress: IpAddress,
    remotePort: number,
  ): { ok: true; flow: UdpFlow } | { ok: false; why: DialFailure } {
    const endpoints = this.#newEndpoints(remoteAddress, remotePort, this.#flows);
    if (!endpoints.ok) return endpoints;
    const flow = new UdpFlow(endpoints.value);
    this.#flows.add(flow);
    return { ok: true, flow };
  }

  #newEndpoints<T extends Flow<T>>(
    remoteAddress: IpAddress,
    remotePort: number,
    table: FlowTable<T>,
    wantedPort?: number,
  ): { ok: true; value: FlowEndpoints } | { ok: false; why: DialFailure } {
    if (this.#host.routeTo(remoteAddress) === undefined) return { ok: false, why: "no-route" };
    const localAddress = this.#ownAddress(remoteAddress.family);
    if (localAddress === undefined) return { ok: false, why: "no-address" };
    const attempts = wantedPort === undefined ? 256 : 1;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const randomPort = FIRST_EPHEMERAL_PORT + ((this.#host.random32() >>> 0) % EPHEMERAL_PORTS);
      const localPort = wantedPort ?? randomPort;
      const endpoints = { localAddress, localPort, remoteAddress, remotePort };
      if (table.find(endpoints) === undefined) return { ok: true, value: endpoints };
    }
    return { ok: false, why: "no-port" };
  }

  #ownAddress(family: 4 | 6): IpAddress | undefined {
    return family === 4 ? this.#addressV4 : this.#addressV6;
  }

  #newConnection(endpoints: FlowEndpoints): TcpConnection {
    const headerBytes = endpoints.remoteAddress.family === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
    const mss = this.#options.mtu - headerBytes - TCP_HEADER_BYTES;
    const connection = new TcpConnection(this, endpoints, mss, this.#host.random32());
    this.#connections.add(connection);
    return connection;
  }

  /** Sends an ICMP echo request and reports once. */
  ping(address: IpAddress, timeoutMs: number, done: (outcome: EchoOutcome) => void): void {
    const route = this.#host.routeTo(address);
    const own = this.#ownAddress(address.family);
    if (route === undefined || own === undefined) {
      done({ ok: false, why: "unreachable" });
      return;
    }
    let key = this.#host.random32();
    while (this.#echoes.has(key)) key = this.#host.random32();
    const echo: PendingEcho = {
      sentMs: this.nowMs,
      address,
      done,
      deadlineMs: Number.POSITIVE_INFINITY,
      queuedMs: 0,
      heapIndex: -1,
      onDeadline: () => this.#finishEcho(key, { ok: false, why: "timeout" }),
    };
    this.#echoes.set(key, echo);
    this.#host.timers.schedule(echo, this.nowMs + timeoutMs);
    this.#sendIcmp(route, own, address, "echo-request", key >>> 16, key & 0xffff, ECHO_BODY);
  }

  #finishEcho(key: number, outcome: EchoOutcome): void {
    const echo = this.#echoes.get(key);
    if (echo === undefined) return;
    this.#echoes.delete(key);
    this.#host.timers.remove(echo);
    echo.done(outcome);
  }

  // ---- packets in

  /** Takes in one decrypted packet from `route`, whose right to its source address was checked. */
  receive(buffer: PacketBuffer, end: number, route: Route): void {
    const packet = this.#packet;
    if (!parseIpPacket(buffer, PACKET_START, end, packet).ok) return;
    if (isMulticast(packet)) return;
    const whole = packet.isFragment ? this.#fragments.add(buffer, packet, this.nowMs) : buffer;
    if (whole === undefined) return;
    switch (packet.protocol) {
      case PROTOCOL_TCP:
        this.#receiveTcp(whole, route);
        break;
      case PROTOCOL_UDP:
        this.#receiveUdp(whole, route);
        break;
      case PROTOCOL_ICMP:
        if (packet.family === 4) this.#receiveIcmp(whole, route);
        break;
      case PROTOCOL_ICMPV6:
        if (packet.family === 6) this.#receiveIcmp(whole, route);
        break;
    }
  }

  #receiveTcp(buffer: PacketBuffer, route: Route): void {
    const packet = this.#packet;
    const segment = this.#segment;
    if (!parseTcpSegment(buffer, packet, segment).ok) return;
    const connection = this.#connections.findIncoming(packet, segment.destinationPort, segment.sourcePort);
    if (connection !== undefined) {
      const opensAnew = (segment.flags & (SYN | ACK | RST)) === SYN && connection.yieldsTo(segment.sequence);
      if (!opensAnew) {
        connection.receive(segment, buffer.bytes);
        return;
      }
      connection.abort();
    }
    if (segment.flags & RST) return;
    if ((segment.flags & (SYN | ACK)) === SYN) this.#holdConnection(buffer, route);
    else this.#resetUnknown();
  }

  #holdConnection(buffer: PacketBuffer, route: Route): void {
    const packet = this.#packet;
    const segment = this.#segment;
    const { onConnection } = this.#options;
    if (onConnection === undefined) {
      this.#resetUnknown();
      return;
    }
    // A repeated SYN changes nothing: the question is already asked.
    if (this.#heldConnections.findIncoming(packet, segment.destinationPort, segment.sourcePort) !== undefined)
      return;
    if (this.#heldConnections.size >= MAX_HELD_CONNECTIONS) return;
    const syn = copyOf(segment);
    const held = new Held<Route>(
      endpointsOf(packet, segment.destinationPort, segment.sourcePort),
      route,
      quote(buffer, packet),
      { syn },
      (expired) => this.#letGo(this.#heldConnections, expired),
    );
    this.#heldConnections.add(held);
    this.#host.timers.schedule(held, this.nowMs + HELD_LIFETIME_MS);
    onConnection({
      endpoints: held.endpoints,
      route,
      accept: () => {
        if (!this.#letGo(this.#heldConnections, held)) return undefined;
        const connection = this.#newConnection(held.endpoints);
        connection.acceptSyn(syn);
        return connection;
      },
      refuse: (how) => {
        if (!this.#letGo(this.#heldConnections, held)) return;
        if (how === "refused") this.#reset(held.endpoints, 0, (syn.sequence + 1) | 0, RST | ACK);
        else if (how === "unreachable") this.#sendUnreachable(held, "host-unreachable");
      },
    });
  }

  /** @returns false when it was decided before */
  #letGo(table: FlowTable<Held<Route>>, held: Held<Route>): boolean {
    if (held.isDecided) return false;
    held.isDecided = true;
    this.#host.timers.remove(held);
    table.remove(held);
    return true;
  }

  /** RFC 9293 §3.10.7.1: a segment for a connection that does not exist. */
  #resetUnknown(): void {
    if (!this.#errorLimit.take(this.nowMs)) return;
    const segment = this.#segment;
    const endpoints = endpointsOf(this.#packet, segment.destinationPort, segment.sourcePort);
    if (segment.flags & ACK) {
      this.#reset(endpoints, segment.acknowledgment, 0, RST);
      return;
    }
    const units =
      segment.payloadEnd -
      segment.payloadStart +
      (segment.flags & SYN ? 1 : 0) +
      (segment.flags & FIN ? 1 : 0);
    this.#reset(endpoints, 0, (segment.sequence + units) | 0, RST | ACK);
  }

  #reset(endpoints: FlowEndpoints, sequence: number, acknowledgment: number, flags: number): void {
    const route = this.#host.routeTo(endpoints.remoteAddress);
    if (route === undefined) return;
    const buffer = this.#host.packetBuffer;
    const headerBytes = this.#headerBytes(endpoints.remoteAddress);
    const addressSum = this.#writeIpHeader(
      buffer,
      endpoints.localAddress,
      endpoints.remoteAddress,
      PROTOCOL_TCP,
      TCP_HEADER_BYTES,
    );
    writeTcpHeader(
      buffer,
      PACKET_START + headerBytes,
      TCP_HEADER_BYTES,
      0,
      endpoints.localPort,
      endpoints.remotePort,
      sequence,
      acknowledgment,
      flags,
      0,
      addressSum,
    );
    this.#host.send(route, headerBytes + TCP_HEADER_BYTES);
  }

  #receiveUdp(buffer: PacketBuffer, route: Route): void {
    const packet = this.#packet;
    const datagram = this.#datagram;
    if (!parseUdp(buffer, packet, datagram).ok) return;
    const localPort = datagram.destinationPort;
    const remotePort = datagram.sourcePort;
    const flow = this.#flows.findIncoming(packet, localPort, remotePort);
    if (flow !== undefined) {
      flow.deliver(buffer.bytes.slice(datagram.payloadStart, datagram.payloadEnd));
      return;
    }
    const waiting = this.#heldFlows.findIncoming(packet, localPort, remotePort);
    if (waiting !== undefined) {
      waiting.flow!.deliver(buffer.bytes.slice(datagram.payloadStart, datagram.payloadEnd));
      return;
    }
    const { onFlow } = this.#options;
    const endpoints = endpointsOf(packet, localPort, remotePort);
    const newFlow = new UdpFlow(endpoints);
    const held = new Held<Route>(endpoints, route, quote(buffer, packet), { flow: newFlow }, (expired) =>
      this.#letGo(this.#heldFlows, expired),
    );
    if (onFlow === undefined) {
      this.#sendUnreachable(held, "port-unreachable");
      return;
    }
    if (this.#heldFlows.size >= MAX_HELD_FLOWS) return;
    newFlow.deliver(buffer.bytes.slice(datagram.payloadStart, datagram.payloadEnd));
    this.#heldFlows.add(held);
    this.#host.timers.schedule(held, this.nowMs + HELD_LIFETIME_MS);
    onFlow({
      endpoints,
      route,
      accept: () => {
        if (!this.#letGo(this.#heldFlows, held)) return undefined;
        this.#flows.add(newFlow);
        return newFlow;
      },
      refuse: (how) => {
        if (this.#letGo(this.#heldFlows, held) && how === "unreachable") {
          this.#sendUnreachable(held, "port-unreachable");
        }
      },
    });
  }

  /** @returns false, after telling the flow, when the datagram is larger than UDP allows or nobody is there to carry it */
  sendDatagram(flow: UdpFlow, bytes: Uint8Array): boolean {
    const { endpoints } = flow;
    const route = this.#host.routeTo(endpoints.remoteAddress);
    if (route === undefined) {
      flow.fail("EHOSTUNREACH");
      return false;
    }
    const headerBytes = this.#headerBytes(endpoints.remoteAddress);
    const length = UDP_HEADER_BYTES + bytes.length;
    if (headerBytes + length > MAX_PACKET_BYTES) {
      flow.fail("EMSGSIZE");
      return false;
    }
    const fits = headerBytes + length <= this.#options.mtu;
    if (!fits) this.#oversize ??= new PacketBuffer();
    const buffer = fits ? this.#host.packetBuffer : this.#oversize!;
    buffer.bytes.set(bytes, PACKET_START + headerBytes + UDP_HEADER_BYTES);
    const addressSum = this.#writeIpHeader(
      buffer,
      endpoints.localAddress,
      endpoints.remoteAddress,
      PROTOCOL_UDP,
      length,
    );
    const start = PACKET_START + headerBytes;
    writeUdpHeader(buffer, start, length, endpoints.localPort, endpoints.remotePort, addressSum);
    if (fits) this.#host.send(route, headerBytes + length);
    else this.#sendInFragments(route, buffer, endpoints, length);
    return true;
  }

  /** Sends `length` bytes of UDP behind the IP header in `buffer` in parts that fit the MTU. */
  #sendInFragments(route: Route, buffer: PacketBuffer, endpoints: FlowEndpoints, length: number): void {
    const { localAddress, remoteAddress } = endpoints;
    const headerBytes = this.#headerBytes(remoteAddress);
    const fragmentHeaderBytes = remoteAddress.family === 4 ? 0 : IPV6_FRAGMENT_HEADER_BYTES;
    const partStart = PACKET_START + headerBytes + fragmentHeaderBytes;
    const maxPart = (this.#options.mtu - headerBytes - fragmentHeaderBytes) & ~7;
    const identification = this.#host.random32();
    const from = PACKET_START + headerBytes;
    for (let offset = 0; offset < length; offset += maxPart) {
      const part = Math.min(maxPart, length - offset);
      const more = offset + part < length;
      const out = this.#host.packetBuffer;
      out.bytes.set(buffer.bytes.subarray(from + offset, from + offset + part), partStart);
      if (remoteAddress.family === 4) {
        writeIpv4Header(
          out,
          PACKET_START,
          headerBytes + part,
          PROTOCOL_UDP,
          localAddress.w3,
          remoteAddress.w3,
          identification & 0xffff,
          ipv4FragmentField(offset, more),
        );
      } else {
        const payloadBytes = fragmentHeaderBytes + part;
        writeIpv6Header(out, PACKET_START, payloadBytes, FRAGMENT, localAddress, remoteAddress);
        writeIpv6FragmentHeader(out, from, PROTOCOL_UDP, offset, more, identification);
      }
      this.#host.send(route, headerBytes + fragmentHeaderBytes + part);
    }
  }

  closeFlow(flow: UdpFlow): void {
    this.#flows.remove(flow);
  }

  #receiveIcmp(buffer: PacketBuffer, route: Route): void {
    const packet = this.#packet;
    const icmp = this.#icmp;
    if (!parseIcmp(buffer, packet, icmp).ok) return;
    switch (icmp.meaning) {
      case "echo-request":
        this.#answerEcho(buffer, route);
        break;
      case "echo-reply": {
        const key = (icmp.identifier << 16) | icmp.sequence;
        const echo = this.#echoes.get(key);
        if (echo !== undefined && isSourceOf(echo.address, packet)) {
          this.#finishEcho(key, { ok: true, roundTripMs: this.nowMs - echo.sentMs });
        }
        break;
      }
      case "port-unreachable":
      case "host-unreachable":
      case "prohibited":
      case "packet-too-big":
        this.#receiveError(buffer);
        break;
    }
  }

  #answerEcho(buffer: PacketBuffer, route: Route): void {
    const packet = this.#packet;
    const own = this.#ownAddress(packet.family);
    // Only for ourselves: whether an address behind us is alive is for that address to say.
    if (own === undefined || !isDestinationOf(own, packet)) return;
    const { identifier, sequence, bodyStart, bodyEnd } = this.#icmp;
    const body = buffer.bytes.subarray(bodyStart, bodyEnd);
    this.#sendIcmp(route, own, sourceOf(packet), "echo-reply", identifier, sequence, body);
  }

  /** An error quotes the packet of ours that caused it; the ports in there tell which flow. */
  #receiveError(buffer: PacketBuffer): void {
    const { bytes } = buffer;
    const { bodyStart, bodyEnd, meaning, mtuBytes } = this.#icmp;
    const family = this.#packet.family;
    const version = bodyEnd > bodyStart ? bytes[bodyStart]! >>> 4 : 0;
    if (version !== family) return;
    const headerBytes = family === 4 ? (bytes[bodyStart]! & 0x0f) * 4 : IPV6_HEADER_BYTES;
    const at = bodyStart + headerBytes;
    if (headerBytes < IPV4_HEADER_BYTES || at + 8 > bodyEnd) return;
    const protocol = bytes[bodyStart + (family === 4 ? 9 : 6)]!;
    const local = addressAt(bytes, bodyStart + (family === 4 ? 12 : 8), family);
    const remote = addressAt(bytes, bodyStart + (family === 4 ? 16 : 24), family);
    const localPort = readUint16(bytes, at);
    const remotePort = readUint16(bytes, at + 2);
    const endpoints = { localAddress: local, localPort, remoteAddress: remote, remotePort };
    if (protocol === PROTOCOL_UDP) {
      if (meaning === "packet-too-big") return;
      this.#flows.find(endpoints)?.fail(meaning === "port-unreachable" ? "ECONNREFUSED" : "EHOSTUNREACH");
    } else if (protocol === PROTOCOL_TCP) {
      const connection = this.#connections.find(endpoints);
      const sequence = readInt32(bytes, at + 4);
      if (meaning === "packet-too-big") {
        const floor = family === 4 ? MIN_MTU_V4 : MIN_MTU_V6;
        const mtu = Math.max(floor, mtuBytes === 0 ? floor : mtuBytes);
        connection?.onPacketTooBig(mtu - headerBytes - TCP_HEADER_BYTES, sequence);
      } else {
        connection?.onUnreachable(failureOf(meaning), sequence);
      }
    } else if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) {
      this.#finishEcho(readInt32(bytes, at + 4), { ok: false, why: "unreachable" });
    }
  }

  #sendUnreachable(held: Held<Route>, message: IcmpToWrite): void {
    if (!this.#errorLimit.take(this.nowMs)) return;
    const { localAddress, remoteAddress } = held.endpoints;
    this.#sendIcmp(held.route, localAddress, remoteAddress, message, 0, 0, held.quoted);
  }

  #sendIcmp(
    route: Route,
    from: IpAddress,
    to: IpAddress,
    message: IcmpToWrite,
    identifier: number,
    sequence: number,
    body: Uint8Array,
  ): void {
    const headerBytes = this.#headerBytes(to);
    const length = ICMP_HEADER_BYTES + body.length;
    if (headerBytes + length > this.#options.mtu) return;
    const buffer = this.#host.packetBuffer;
    buffer.bytes.set(body, PACKET_START + headerBytes + ICMP_HEADER_BYTES);
    const protocol = to.family === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    const addressSum = this.#writeIpHeader(buffer, from, to, protocol, length);
    writeIcmpHeader(
      buffer,
      PACKET_START + headerBytes,
      length,
      to.family,
      message,
      identifier,
      sequence,
      addressSum,
    );
    this.#host.send(route, headerBytes + length);
  }

  #headerBytes(address: IpAddress): number {
    return address.family === 4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
  }

  #writeIpHeader(
    buffer: PacketBuffer,
    from: IpAddress,
    to: IpAddress,
    protocol: number,
    payloadBytes: number,
  ): number {
    if (to.family === 6) return writeIpv6Header(buffer, PACKET_START, payloadBytes, protocol, from, to);
    this.#identification = (this.#identification + 1) & 0xffff;
    const totalBytes = IPV4_HEADER_BYTES + payloadBytes;
    return writeIpv4Header(buffer, PACKET_START, totalBytes, protocol, from.w3, to.w3, this.#identification);
  }

  // ---- TcpHost

  get nowMs(): number {
    return this.#host.nowMs;
  }

  get budget(): WindowBudget {
    return this.#host.budget;
  }

  writeSegment(
    connection: TcpConnection,
    flags: number,
    sequence: number,
    acknowledgment: number,
    window: number,
    offset: number,
    length: number,
  ): void {
    const host = this.#host;
    const { endpoints } = connection;
    if (connection.routeEpoch !== host.routeEpoch) {
      connection.routeEpoch = host.routeEpoch;
      connection.route = host.routeTo(endpoints.remoteAddress);
    }
    if (connection.route === undefined) return;
    const buffer = host.packetBuffer;
    const headerBytes = this.#headerBytes(endpoints.remoteAddress);
    const start = PACKET_START + headerBytes;
    const optionBytes = this.#writeOptions(connection, flags, buffer.bytes, start + TCP_HEADER_BYTES, length);
    if (length > 0) {
      connection.sender.buffer.copyTo(offset, length, buffer.bytes, start + TCP_HEADER_BYTES + optionBytes);
    }
    const segmentBytes = TCP_HEADER_BYTES + optionBytes + length;
    const addressSum = this.#writeIpHeader(
      buffer,
      endpoints.localAddress,
      endpoints.remoteAddress,
      PROTOCOL_TCP,
      segmentBytes,
    );
    writeTcpHeader(
      buffer,
      start,
      segmentBytes,
      optionBytes,
      endpoints.localPort,
      endpoints.remotePort,
      sequence,
      acknowledgment,
      flags,
      window,
      addressSum,
    );
    host.send(connection.route as Route, headerBytes + segmentBytes);
  }

  #writeOptions(
    connection: TcpConnection,
    flags: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): number {
    if (flags & SYN) {
      return writeSynOptions(
        bytes,
        at,
        connection.localMss,
        connection.synWindowShift,
        connection.synSackPermitted,
      );
    }
    const { receiver } = connection;
    if (length > 0 || flags & RST || !connection.peerCanSack || !receiver.hasSackNews) return 0;
    const edges = this.#sackEdges;
    let blocks = 0;
    if (receiver.hasDuplicate) {
      edges[0] = receiver.duplicateStart;
      edges[1] = receiver.duplicateEnd;
      blocks = 1;
    }
    blocks = receiver.reassembly.sackBlocks(edges, blocks, MAX_SACK_BLOCKS);
    return writeSackOption(bytes, at, edges, blocks);
  }

  wake(connection: TcpConnection): void {
    this.#host.wake(connection);
  }

  schedule(connection: TcpConnection, deadlineMs: number): void {
    this.#host.timers.schedule(connection, deadlineMs);
  }

  forget(connection: TcpConnection): void {
    this.#host.timers.remove(connection);
    this.#connections.remove(connection);
  }

  /** Routes have changed: connections that lead nowhere now end with EHOSTUNREACH instead of in minutes. */
  dropUnroutable(): void {
    for (const connection of this.#connections) {
      if (this.#host.routeTo(connection.endpoints.remoteAddress) === undefined)
        connection.fail("EHOSTUNREACH");
    }
  }

  /** Ends every connection and forgets every question. */
  close(): void {
    for (const connection of this.#connections) connection.abort();
    for (const held of this.#heldConnections) this.#letGo(this.#heldConnections, held);
    for (const held of this.#heldFlows) this.#letGo(this.#heldFlows, held);
    for (const key of [...this.#echoes.keys()]) this.#finishEcho(key, { ok: false, why: "unreachable" });
  }
}

const ECHO_BODY = new Uint8Array(32);

function failureOf(meaning: IcmpMessage["meaning"]): TcpFailure {
  return meaning === "port-unreachable" ? "ECONNREFUSED" : "EHOSTUNREACH";
}

function isMulticast(packet: IpPacket): boolean {
  if (packet.family === 6) return packet.destination0 >>> 24 === 0xff;
  // 224.0.0.0/4, and the limited broadcast address in 240.0.0.0/4.
  return packet.destination3 >>> 28 >= 0xe;
}

function sourceOf(packet: IpPacket): IpAddress {
  return packet.family === 4
    ? ipv4FromWord(packet.source3)
    : ipv6FromWords(packet.source0, packet.source1, packet.source2, packet.source3);
}

function destinationOf(packet: IpPacket): IpAddress {
  return packet.family === 4
    ? ipv4FromWord(packet.destination3)
    : ipv6FromWords(packet.destination0, packet.destination1, packet.destination2, packet.destination3);
}

function endpointsOf(packet: IpPacket, localPort: number, remotePort: number): FlowEndpoints {
  return { localAddress: destinationOf(packet), localPort, remoteAddress: sourceOf(packet), remotePort };
}

function addressAt(bytes: Uint8Array, at: number, family: 4 | 6): IpAddress {
  if (family === 4) return ipv4FromWord(readInt32(bytes, at));
  return ipv6FromWords(
    readInt32(bytes, at),
    readInt32(bytes, at + 4),
    readInt32(bytes, at + 8),
    readInt32(bytes, at + 12),
  );
}

function isSourceOf(address: IpAddress, packet: IpPacket): boolean {
  return (
    address.w3 === packet.source3 &&
    address.w2 === packet.source2 &&
    address.w1 === packet.source1 &&
    address.w0 === packet.source0
  );
}

function isDestinationOf(address: IpAddress, packet: IpPacket): boolean {
  return (
    address.w3 === packet.destination3 &&
    address.w2 === packet.destination2 &&
    address.w1 === packet.destination1 &&
    address.w0 === packet.destination0
  );
}

function quote(buffer: PacketBuffer, packet: IpPacket): Uint8Array {
  const end = Math.min(packet.payloadEnd, packet.headerStart + QUOTED_BYTES);
  return buffer.bytes.slice(packet.headerStart, end);
}

function copyOf(segment: TcpSegment): TcpSegment {
  const copy = new TcpSegment();
  Object.assign(copy, { ...segment, sackEdges: copy.sackEdges });
  return copy;
}
