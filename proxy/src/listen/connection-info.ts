import type { TLSSocket } from "node:tls";
import type { ClientCertificate } from "../access/client-certificate.ts";

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
}

const key = Symbol("connection");

/** Keeps the information with the socket, for the requests that will come over it. */
export function setConnectionInfo(socket: TLSSocket, info: ConnectionInfo): void {
  (socket as unknown as { [key]: ConnectionInfo })[key] = info;
}

export function connectionInfo(socket: object): ConnectionInfo | undefined {
  return (socket as { [key]?: ConnectionInfo })[key];
}
