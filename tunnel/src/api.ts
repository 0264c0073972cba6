/**
 * The public surface of the userspace tunnel as the proxy and the agent use it. `index.ts` exports these types and
 * the functions that make them.
 */
import type { Dialer, TunnelDatagramSocket, TunnelSocket } from "./dialer.ts";

/** Raw 32-byte X25519 or pre-shared keys. */
export type Key = Uint8Array;

export interface PeerConfig {
  publicKey: Key;
  presharedKey?: Key;
  /** Prefixes in CIDR form. One prefix belongs to one peer of a device; the last writer wins. */
  allowedIps: readonly string[];
  /**
   * `host:port` (IP literal, IPv6 in brackets) or the `endpoint` of a {@link TunnelPath}; absent for a peer that dials us.
   * Roaming replaces it; repeating the same value does not undo that.
   */
  endpoint?: string;
  /** Seconds, 0 or absent for off. */
  persistentKeepaliveSeconds?: number;
}

export interface PeerStatus {
  publicKey: Key;
  endpoint: string | undefined;
  /** Milliseconds since the epoch of the newest completed handshake; undefined before the first. */
  latestHandshakeMs: number | undefined;
  rxBytes: number;
  txBytes: number;
}

/**
 * A SYN that waits for a decision. The peer sees nothing until accept or refuse is called; after 30 s without either the
 * attempt is void, and `accept` throws an error with code ECONNABORTED.
 */
export interface IncomingConnection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Public key of the WireGuard peer it came from. */
  readonly peer: Key;
  accept(): TunnelSocket;
  /** `refused` answers RST, `unreachable` an ICMP unreachable, `drop` nothing. */
  refuse(how: "refused" | "unreachable" | "drop"): void;
}

/**
 * The first datagram of a UDP flow that waits for a decision. What arrives until then is kept, up to 64 datagrams; after
 * 30 s `accept` throws an error with code ECONNABORTED.
 */
export interface IncomingFlow {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly peer: Key;
  accept(): TunnelDatagramSocket;
  refuse(how: "unreachable" | "drop"): void;
}

export interface DeviceConfig {
  privateKey: Key;
  /** Our overlay addresses, at most one of each family, without prefix length. */
  addresses: readonly string[];
  /** Inner MTU in bytes; default 1420. */
  mtu?: number;
  /**
   * Called for a connection to any address routed to this device (its own addresses, and, for a routing peer,
   * any other destination). Absent: every SYN is refused.
   */
  onConnection?: (incoming: IncomingConnection) => void;
  onFlow?: (incoming: IncomingFlow) => void;
}

/** One WireGuard interface with its own key and IP stack; the Dialer reaches what its peers' allowed IPs cover. */
export interface Device extends Dialer {
  readonly publicKey: Key;
  /** Adds the peer or replaces its configuration; a running session survives. */
  setPeer(peer: PeerConfig): void;
  removePeer(publicKey: Key): void;
  setAddresses(addresses: readonly string[]): void;
  peers(): PeerStatus[];
  /** Called after each completed handshake with a peer. */
  onHandshake(listener: (publicKey: Key) => void): void;
  close(): Promise<void>;
}

export interface TunnelOptions {
  /** UDP port to bind, 0 for any. */
  port?: number;
  /** Local addresses to bind; default `0.0.0.0` and `::` where the host has IPv6. */
  bindAddresses?: readonly string[];
}

/**
 * One UDP endpoint that carries any number of devices: a handshake initiation finds its device by mac1 (the responder's
 * static key), everything else by receiver index.
 */
export interface Tunnel {
  /** The port really bound. */
  readonly port: number;
  /** @throws {TypeError | RangeError} naming what is wrong with the configuration */
  addDevice(config: DeviceConfig): Device;
  /**
   * Opens a way for WireGuard's datagrams besides the UDP port, for example one WebSocket per peer where UDP is blocked.
   * A peer moves to it, as to any new address, with the first authenticated datagram that arrives on it.
   *
   * @param send called with each datagram to carry; it must copy what it keeps
   */
  openPath(send: (datagram: Uint8Array) => void): TunnelPath;
  /** Resets every connection and unbinds the port. */
  close(): Promise<void>;
}

/** One end of something that carries datagrams, each whole or not at all. */
export interface TunnelPath {
  /** The name of this path as an endpoint, for `PeerConfig.endpoint`; also what `PeerStatus.endpoint` shows. */
  readonly endpoint: string;
  /** Hands in a datagram that arrived. */
  receive(datagram: Uint8Array): void;
  /** Nothing is sent on it any more; peers that were reached by it are silent until they come from elsewhere. */
  close(): void;
}
