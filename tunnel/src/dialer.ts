import type { Duplex } from "node:stream";

/** Where a dial goes, as the caller knows it: an address and a port, never a name. */
export interface DialTarget {
  /** IPv4 or IPv6 address in text form, without brackets. */
  host: string;
  /** 1..65535 */
  port: number;
}

export interface DialOptions {
  /** Gives up with ETIMEDOUT when the connection is not established by then. Default 30 000. */
  timeoutMs?: number;
  /** Aborting before the connection is up destroys it with an AbortError. */
  signal?: AbortSignal;
}

/**
 * A connected stream with the parts of `net.Socket` that http, tls and undici use.
 * Errors carry the `code` a kernel socket would give: ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, EPIPE.
 */
export interface TunnelSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly remoteFamily: "IPv4" | "IPv6" | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly connecting: boolean;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  setTimeout(timeoutMs: number, onTimeout?: () => void): this;
  setNoDelay(noDelay?: boolean): this;
  setKeepAlive(enable?: boolean, initialDelayMs?: number): this;
  ref(): this;
  unref(): this;
  /** Sends RST instead of FIN. */
  resetAndDestroy(): this;
}

/** A connected UDP endpoint: one remote, datagrams in both directions. */
export interface TunnelDatagramSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  send(datagram: Uint8Array): void;
  onMessage(listener: (datagram: Uint8Array) => void): void;
  onError(listener: (error: NodeJS.ErrnoException) => void): void;
  close(): void;
}

/**
 * Reaches targets inside an overlay. Implementations: userspace tunnel, kernel device, the host's own network.
 * How a peer was enrolled is no business of a dialer.
 */
export interface Dialer {
  dialTcp(target: DialTarget, options?: DialOptions): Promise<TunnelSocket>;
  dialUdp(target: DialTarget): Promise<TunnelDatagramSocket>;
  /**
   * ICMP echo. @returns round-trip time in milliseconds
   * @throws an error with code ETIMEDOUT or EHOSTUNREACH
   */
  ping(host: string, timeoutMs: number): Promise<number>;
}
