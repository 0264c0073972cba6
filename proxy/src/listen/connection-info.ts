import type { ClientCertificate } from "../access/client-certificate.ts";
import type { OverlayOrigin } from "../access/tunnel-login.ts";

/** What is known about a visitor's connection before any request on it. */
export interface ConnectionInfo {
  /** Address of whoever speaks to us, from the PROXY header where one is believed; without IPv4-in-IPv6 clothes. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** From the TLS handshake, lower case; empty when the client sent none. */
  readonly serverName: string;
  /** Digest of the authorities whose client certificates the handshake asked for. */
  readonly clientAuthority?: string;
  /** A good one that the client showed. */
  readonly clientCertificate?: ClientCertificate;
  /** Undefined: it came over the public listener. */
  readonly overlay?: OverlayOrigin;
  /** Without TLS, which only happens inside the overlay. */
  readonly plain?: boolean;
}

const key = Symbol("connection");

/** Keeps the information with the socket, for the requests that will come over it. */
export function setConnectionInfo(socket: object, info: ConnectionInfo): void {
  (socket as unknown as { [key]: ConnectionInfo })[key] = info;
}

export function connectionInfo(socket: object): ConnectionInfo | undefined {
  return (socket as { [key]?: ConnectionInfo })[key];
}
