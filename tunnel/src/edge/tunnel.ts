import type {
  Device,
  DeviceConfig,
  IncomingConnection,
  IncomingFlow,
  Key,
  PeerConfig,
  PeerStatus,
  Tunnel,
  TunnelOptions,
  TunnelPath,
} from "../api.ts";
import type { DialOptions, DialTarget, TunnelDatagramSocket, TunnelSocket } from "../dialer.ts";
import { type Endpoint, Engine, type EngineDevice } from "../engine.ts";
import { KEY_BYTES, keyToBase64 } from "../noise/keys.ts";
import type { Peer } from "../session/peer.ts";
import type { DialFailure, HeldConnection, HeldFlow } from "../stack/ip-stack.ts";
import type { UdpFlow } from "../stack/udp-flow.ts";
import { type IpAddress, type IpPrefix, parseIpAddress, parseIpPrefix } from "../wire/ip-address.ts";
import { FlowSocket } from "./datagram-socket.ts";
import { RandomPool } from "./random.ts";
import { monotonicMs, wallMs } from "./system-clock.ts";
import { abortError, socketError } from "./tunnel-errors.ts";
import { StreamSocket } from "./tunnel-socket.ts";
import { UdpSocket } from "./udp-socket.ts";

const DEFAULT_MTU_BYTES = 1420;
const MIN_MTU_BYTES = 576;
const MAX_MTU_BYTES = 65_535 - 80;
const DEFAULT_DIAL_TIMEOUT_MS = 30_000;
const PATH_PREFIX = "path:";

/**
 * Binds the UDP port and starts the engine.
 * @throws {Error} with the code of the failed bind, for example EADDRINUSE
 */
export async function createTunnel(options: TunnelOptions = {}): Promise<Tunnel> {
  return new SocketTunnel(await UdpSocket.bind(options.port ?? 0, options.bindAddresses));
}

/** The engine on a real UDP socket, clock and event loop. */
class SocketTunnel implements Tunnel {
  readonly port: number;
  readonly #udp: UdpSocket;
  readonly #engine: Engine;
  readonly #devices = new Set<TunnelDevice>();
  readonly #paths = new Map<string, (datagram: Uint8Array) => void>();
  #pathSerial = 0;
  #flushAsked = false;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(udp: UdpSocket) {
    this.#udp = udp;
    this.port = udp.port;
    const random = new RandomPool();
    this.#engine = new Engine(
      {
        randomBytes: (length) => random.take(length),
        wallMs,
        sendDatagram: (to, datagram) => this.#send(to, datagram),
        wake: () => this.#askForFlush(),
      },
      monotonicMs(),
    );
    udp.onDatagram((datagram, from) => {
      this.#engine.receive(datagram, from, monotonicMs());
      // One flush for all datagrams the kernel had for us in this turn of the event loop.
      this.#askForFlush();
    });
  }

  addDevice(config: DeviceConfig): Device {
    if (this.#closed) throw new Error("the tunnel is closed");
    const device = new TunnelDevice(this, this.#engine, config, () => this.#devices.delete(device));
    this.#devices.add(device);
    return device;
  }

  #send(to: Endpoint, datagram: Uint8Array): boolean {
    // Only paths have port 0.
    if (to.port !== 0) return this.#udp.send(to, datagram);
    this.#paths.get(to.address)?.(datagram);
    return false;
  }

  openPath(send: (datagram: Uint8Array) => void): TunnelPath {
    this.#pathSerial += 1;
    const endpoint = `${PATH_PREFIX}${this.#pathSerial}`;
    this.#paths.set(endpoint, send);
    const from: Endpoint = { address: endpoint, port: 0 };
    return {
      endpoint,
      receive: (datagram) => {
        if (this.#closed || !this.#paths.has(endpoint)) return;
        this.#engine.receive(datagram, from, monotonicMs());
        this.#askForFlush();
      },
      close: () => {
        this.#paths.delete(endpoint);
      },
    };
  }

  /** Runs `work` with the engine at the present time, then sees to what it left behind. */
  enter<T>(work: () => T): T {
    this.#engine.nowMs = monotonicMs();
    try {
      return work();
    } finally {
      this.#armTimer();
    }
  }

  #askForFlush(): void {
    if (this.#flushAsked || this.#closed) return;
    this.#flushAsked = true;
    setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#flushAsked = false;
    if (this.#closed) return;
    try {
      this.#engine.flush(monotonicMs());
    } finally {
      if (this.#engine.hasWork) this.#askForFlush();
      this.#armTimer();
    }
  };

  #armTimer(): void {
    if (this.#closed) return;
    const deadlineMs = this.#engine.nextDeadlineMs();
    if (deadlineMs === undefined || deadlineMs >= this.#timerMs) return;
    clearTimeout(this.#timer);
    this.#timerMs = deadlineMs;
    // Node cuts fractions off, and a timer that fires early would only be armed again.
    this.#timer = setTimeout(this.#tick, Math.max(0, Math.ceil(deadlineMs - monotonicMs())));
    this.#timer.unref();
  }

  readonly #tick = (): void => {
    this.#timerMs = Number.POSITIVE_INFINITY;
    if (this.#closed) return;
    try {
      this.#engine.tick(monotonicMs());
    } finally {
      this.#armTimer();
    }
  };

  async close(): Promise<void> {
    if (this.#closed) return;
    for (const device of [...this.#devices]) await device.close();
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#udp.close();
  }
}

class TunnelDevice implements Device {
  readonly publicKey: Key;
  readonly #tunnel: SocketTunnel;
  readonly #device: EngineDevice;
  readonly #onClose: () => void;
  readonly #configuredEndpoints = new Map<string, string | undefined>();
  readonly #handshakeListeners: ((publicKey: Key) => void)[] = [];
  readonly #sockets = new Set<StreamSocket>();
  #closed = false;

  constructor(tunnel: SocketTunnel, engine: Engine, config: DeviceConfig, onClose: () => void) {
    requireKey(config.privateKey, "privateKey");
    const mtu = config.mtu ?? DEFAULT_MTU_BYTES;
    if (!Number.isInteger(mtu) || mtu < MIN_MTU_BYTES || mtu > MAX_MTU_BYTES) {
      throw new RangeError(`mtu must be ${MIN_MTU_BYTES}..${MAX_MTU_BYTES} bytes`);
    }
    const { onConnection, onFlow } = config;
    this.#tunnel = tunnel;
    this.#onClose = onClose;
    this.#device = engine.addDevice({
      privateKey: config.privateKey,
      addresses: parseAddresses(config.addresses),
      mtu,
      onConnection: onConnection && ((held) => onConnection(this.#incomingConnection(held))),
      onFlow: onFlow && ((held) => onFlow(this.#incomingFlow(held))),
      onHandshake: (peer) => {
        for (const listener of this.#handshakeListeners) listener(peer.publicKey);
      },
    });
    this.publicKey = this.#device.staticPublic;
  }

  setPeer(peer: PeerConfig): void {
    requireKey(peer.publicKey, "publicKey");
    if (peer.presharedKey !== undefined) requireKey(peer.presharedKey, "presharedKey");
    const keepaliveSeconds = peer.persistentKeepaliveSeconds ?? 0;
    if (!(keepaliveSeconds >= 0 && keepaliveSeconds <= 65_535)) {
      throw new RangeError("persistentKeepaliveSeconds must be 0..65535");
    }
    const allowedIps = peer.allowedIps.map(parsePrefix);
    const endpoint = peer.endpoint === undefined ? undefined : parseEndpoint(peer.endpoint);
    // Repeating the same configuration must not undo roaming.
    const id = keyToBase64(peer.publicKey);
    const isNews = this.#configuredEndpoints.get(id) !== peer.endpoint;
    this.#configuredEndpoints.set(id, peer.endpoint);
    this.#tunnel.enter(() =>
      this.#device.setPeer({
        publicKey: peer.publicKey,
        presharedKey: peer.presharedKey,
        allowedIps,
        endpoint: isNews ? endpoint : undefined,
        persistentKeepaliveSeconds: keepaliveSeconds,
      }),
    );
  }

  removePeer(publicKey: Key): void {
    this.#configuredEndpoints.delete(keyToBase64(publicKey));
    this.#tunnel.enter(() => this.#device.removePeer(publicKey));
  }

  setAddresses(addresses: readonly string[]): void {
    this.#device.stack.setAddresses(parseAddresses(addresses));
  }

  peers(): PeerStatus[] {
    return this.#device.peers().map((peer) => ({
      publicKey: peer.publicKey,
      endpoint: peer.endpoint === undefined ? undefined : formatEndpoint(peer.endpoint),
      latestHandshakeMs: peer.latestHandshakeMs,
      rxBytes: peer.rxBytes,
      txBytes: peer.txBytes,
    }));
  }

  onHandshake(listener: (publicKey: Key) => void): void {
    this.#handshakeListeners.push(listener);
  }

  // ---- Dialer

  async dialTcp(target: DialTarget, options: DialOptions = {}): Promise<TunnelSocket> {
    const { signal, timeoutMs = DEFAULT_DIAL_TIMEOUT_MS } = options;
    if (signal?.aborted) throw abortError(signal.reason);
    const { host, port } = target;
    const address = this.#parseTarget("connect", target);
    const started = this.#tunnel.enter(() => this.#device.stack.connect(address, port, timeoutMs));
    if (!started.ok) throw dialError(started.why, "connect", host, port);
    const socket = this.#adopt(new StreamSocket(started.connection, { allowHalfOpen: true }));
    return new Promise((resolve, reject) => {
      const onAbort = () => socket.destroy(abortError(signal?.reason));
      const onConnect = () => {
        socket.off("error", onError);
        signal?.removeEventListener("abort", onAbort);
        resolve(socket);
      };
      const onError = (error: Error) => {
        socket.off("connect", onConnect);
        signal?.removeEventListener("abort", onAbort);
        reject(error);
      };
      socket.once("connect", onConnect);
      socket.once("error", onError);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  async dialUdp(target: DialTarget): Promise<TunnelDatagramSocket> {
    const address = this.#parseTarget("connect", target);
    const opened = this.#tunnel.enter(() => this.#device.stack.openFlow(address, target.port));
    if (!opened.ok) throw dialError(opened.why, "connect", target.host, target.port);
    return this.#flowSocket(opened.flow);
  }

  async ping(host: string, timeoutMs: number): Promise<number> {
    const address = parseIpAddress(host);
    if (!address.ok) throw socketError("EINVAL", "ping", host);
    return new Promise((resolve, reject) => {
      this.#tunnel.enter(() =>
        this.#device.stack.ping(address.value, timeoutMs, (outcome) => {
          if (outcome.ok) resolve(outcome.roundTripMs);
          else reject(socketError(outcome.why === "timeout" ? "ETIMEDOUT" : "EHOSTUNREACH", "ping", host));
        }),
      );
    });
  }

  #parseTarget(syscall: string, { host, port }: DialTarget): IpAddress {
    const address = parseIpAddress(host);
    if (!address.ok || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw socketError("EINVAL", syscall, host, port);
    }
    return address.value;
  }

  #adopt(socket: StreamSocket): StreamSocket {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  #flowSocket(flow: UdpFlow): FlowSocket {
    return new FlowSocket(
      flow,
      (target, datagram) => {
        this.#tunnel.enter(() => this.#device.stack.sendDatagram(target, datagram));
      },
      (target) => this.#device.stack.closeFlow(target),
    );
  }

  // ---- passive

  #incomingConnection(held: HeldConnection<Peer>): IncomingConnection {
    return {
      ...addressesOf(held),
      peer: held.route.publicKey,
      accept: () => {
        const connection = this.#tunnel.enter(() => held.accept());
        if (connection === undefined) throw socketError("ECONNABORTED", "accept");
        return this.#adopt(new StreamSocket(connection, { allowHalfOpen: true }));
      },
      refuse: (how) => this.#tunnel.enter(() => held.refuse(how)),
    };
  }

  #incomingFlow(held: HeldFlow<Peer>): IncomingFlow {
    return {
      ...addressesOf(held),
      peer: held.route.publicKey,
      accept: () => {
        const flow = this.#tunnel.enter(() => held.accept());
        if (flow === undefined) throw socketError("ECONNABORTED", "accept");
        return this.#flowSocket(flow);
      },
      refuse: (how) => this.#tunnel.enter(() => held.refuse(how)),
    };
  }

  /** Resets every connection; streams end with ECONNABORTED. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClose();
    const closing = [...this.#sockets].map(
      (socket) =>
        new Promise<void>((done) => {
          socket.once("close", done);
          // We do this on purpose: it must not take the process down where nobody listens for errors.
          const heard = socket.listenerCount("error") > 0;
          socket.destroy(heard ? socketError("ECONNABORTED", "close") : undefined);
        }),
    );
    this.#tunnel.enter(() => this.#device.close());
    await Promise.all(closing);
  }
}

function addressesOf({ endpoints }: HeldConnection<Peer> | HeldFlow<Peer>) {
  return {
    remoteAddress: endpoints.remoteAddress.text,
    remotePort: endpoints.remotePort,
    localAddress: endpoints.localAddress.text,
    localPort: endpoints.localPort,
  };
}

function dialError(why: DialFailure, syscall: string, host: string, port: number): NodeJS.ErrnoException {
  const code = why === "no-route" ? "EHOSTUNREACH" : why === "no-address" ? "ENETUNREACH" : "EADDRNOTAVAIL";
  return socketError(code, syscall, host, port);
}

function requireKey(key: Key, name: string): void {
  if (!(key instanceof Uint8Array) || key.length !== KEY_BYTES) {
    throw new TypeError(`${name} must be ${KEY_BYTES} bytes`);
  }
}

function parseAddresses(texts: readonly string[]): IpAddress[] {
  const addresses = texts.map((text) => {
    const address = parseIpAddress(text);
    if (!address.ok) throw new TypeError(`not an IP address: ${text}`);
    return address.value;
  });
  for (const family of [4, 6]) {
    if (addresses.filter((address) => address.family === family).length > 1) {
      throw new RangeError("a device has at most one address of each family");
    }
  }
  return addresses;
}

function parsePrefix(text: string): IpPrefix {
  const prefix = parseIpPrefix(text);
  if (!prefix.ok) throw new TypeError(`not an IP prefix: ${text}`);
  return prefix.value;
}

function parseEndpoint(text: string): Endpoint {
  if (text.startsWith(PATH_PREFIX)) return { address: text, port: 0 };
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  const port = Number(text.slice(colon + 1));
  const address = parseIpAddress(host);
  if (colon < 0 || !address.ok || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new TypeError(`not an endpoint: ${text}`);
  }
  return { address: address.value.text, port };
}

function formatEndpoint({ address, port }: Endpoint): string {
  if (port === 0) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
