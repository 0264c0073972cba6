import type { TunnelDatagramSocket, TunnelSocket } from "@netbird-proxy/tunnel";

/**
 * Reaches one host of an account by the name or address the target uses: through the account's tunnel, or over the
 * machine's own network for direct_upstream. Errors carry a `code` as kernel sockets give it, plus ENOTFOUND for a name
 * nothing resolves and ENOTUNNEL when the account's tunnel does not exist or has no route.
 */
export interface TargetDialer {
  /** Distinguishes dialers in pool and probe keys. */
  readonly key: string;
  /** @throws an error with `code` */
  dial(host: string, port: number, timeoutMs: number, signal?: AbortSignal): Promise<TunnelSocket>;
  /** ICMP echo to whatever carries traffic for this host. @returns milliseconds @throws an error with `code` */
  ping(host: string, timeoutMs: number): Promise<number>;
  /** A connected datagram socket. @throws an error with `code` */
  dialUdp(host: string, port: number): Promise<TunnelDatagramSocket>;
  /** Age of the newest handshake with the peer that carries traffic for this host, seconds; -1 when there was none. */
  handshakeAgeSeconds(host: string): number;
}

/** An error with a code as the kernel gives it. */
export function codedError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

/** The `code` of an unknown error, or "" */
export function errorCode(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? "") : "";
}
