import { randomBytes } from "node:crypto";
import type { Server as HttpServer } from "node:http";
import type { Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
import {
  createServer,
  type SecureContext,
  type TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from "node:tls";
import type { TunnelSocket } from "@netbird-proxy/tunnel";
import { unmapAddress } from "../access/cidr.ts";
import type { ClientAuthority } from "../access/client-certificate.ts";
import type { OverlayOrigin } from "../access/tunnel-login.ts";
import type { CertificateStore } from "../cert/certificate-store.ts";
import { ClientCertificateFront } from "./client-certificate-front.ts";
import { type ConnectionInfo, setConnectionInfo } from "./connection-info.ts";
import type { Downstream } from "./downstream.ts";
import { createHttp1Server } from "./http1.ts";
import { createHttp2Server } from "./http2.ts";
import type { ProxiedAddresses } from "./proxy-protocol.ts";

const HANDSHAKE_MS = 10_000;
const TICKET_KEY_MS = 12 * 3_600_000;

export interface TlsFrontParts {
  readonly certificates: CertificateStore;
  readonly maxHeaderBytes: number;
  readonly onRequest: (down: Downstream) => void;
  readonly onHandshakeFailed: (error: Error) => void;
  /** How long one key encrypts session tickets. */
  readonly ticketKeyMs?: number;
}

/** Terminates TLS for the main listener and hands each connection to HTTP/1.1 or HTTP/2, as the handshake chose. */
export class TlsFront {
  readonly #tls: TlsServer;
  readonly #http1: HttpServer;
  readonly #http2: Http2SecureServer;
  readonly #certificates: CertificateStore;
  #ticketKeys = randomBytes(48);
  /** Who gets hold of a ticket key later reads no more than what was recorded since the one before. */
  readonly #ticketTimer: NodeJS.Timeout;
  readonly #onHandshakeFailed: (error: Error, socket: TLSSocket) => void;
  readonly #sessions = new Set<{ close(): void; destroy(): void }>();
  /** Of connections that came with a PROXY header, by the four numbers that name a TCP connection. */
  readonly #proxied = new Map<string, ProxiedAddresses>();
  readonly #open = new Set<TLSSocket | TunnelSocket>();
  readonly #withClientCertificates: ClientCertificateFront;
  #draining = false;

  constructor(parts: TlsFrontParts) {
    this.#certificates = parts.certificates;
    const onRequest = parts.onRequest;
    this.#http1 = createHttp1Server({
      maxHeaderBytes: parts.maxHeaderBytes,
      onRequest,
      isDraining: () => this.#draining,
    });
    this.#http2 = createHttp2Server({ maxHeaderBytes: parts.maxHeaderBytes, onRequest });
    this.#http2.on("session", (session) => {
      this.#sessions.add(session);
      session.once("close", () => this.#sessions.delete(session));
      if (this.#draining) session.close();
    });
    this.#tls = createServer(this.#serverOptions());
    this.#ticketTimer = setInterval(() => this.#rotateTickets(), parts.ticketKeyMs ?? TICKET_KEY_MS);
    this.#ticketTimer.unref();
    this.#tls.on("secureConnection", (socket) => this.#secured(socket));
    this.#onHandshakeFailed = (error, socket) => {
      parts.onHandshakeFailed(error);
      socket.destroy();
    };
    this.#tls.on("tlsClientError", this.#onHandshakeFailed);
    this.#withClientCertificates = new ClientCertificateFront({
      certificates: parts.certificates,
      handshakeMs: HANDSHAKE_MS,
      onSecured: (socket, client) => this.#secured(socket, client),
      onFailed: this.#onHandshakeFailed,
    });
  }

  #rotateTickets(): void {
    this.#ticketKeys = randomBytes(48);
    this.#tls.setTicketKeys(this.#ticketKeys);
  }

  #contextFor(serverName: string): SecureContext | undefined {
    return this.#certificates.contextFor(serverName);
  }

  #serverOptions(): TlsOptions {
    return {
      ...this.#secureOptions(),
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: HANDSHAKE_MS,
      SNICallback: (serverName, callback) => {
        callback(null, this.#contextFor(serverName.toLowerCase()));
      },
    };
  }

  #secureOptions() {
    const pair = this.#certificates.fallback;
    return {
      cert: pair?.certPem,
      key: pair?.keyPem,
      minVersion: "TLSv1.2" as const,
      // The same for every certificate: a reload must not cost every visitor a full handshake.
      ticketKeys: this.#ticketKeys,
      sessionIdContext: "netbird-proxy",
    };
  }

  /** The certificate for handshakes without a name changed. */
  certificatesChanged(): void {
    this.#tls.setSecureContext(this.#secureOptions());
  }

  /**
   * Takes over a connection, with everything that was read from it put back.
   *
   * @param authority whose client certificates its service takes
   */
  take(socket: Socket, proxied: ProxiedAddresses | undefined, authority?: ClientAuthority): void {
    if (proxied !== undefined) {
      const key = connectionKey(socket);
      this.#proxied.set(key, proxied);
      socket.once("close", () => this.#proxied.delete(key));
    }
    // Relays need half-closed connections; an HTTP/2 session would never notice that its visitor has left.
    socket.allowHalfOpen = false;
    const server = authority === undefined ? this.#tls : this.#withClientCertificates.serverFor(authority);
    server.emit("connection", socket);
  }

  /**
   * Takes over a TLS connection out of the overlay, with everything that was read from it put back. Each gets a server of its
   * own: behind a socket that is not the kernel's, nothing else ties the handshake to where it came from.
   *
   * @param hello the name that the client asks for, empty when it names none, and whose certificates its service takes
   */
  takeOverlay(
    socket: TunnelSocket,
    overlay: OverlayOrigin,
    { serverName, authority }: { serverName: string; authority: ClientAuthority | undefined },
  ): void {
    const where = { ...addressesOf(socket), overlay };
    const onSecured = (tls: TLSSocket, client: ClientPart = {}) =>
      this.#serve(tls, { ...client, ...where, serverName: serverNameOf(tls) });
    socket.allowHalfOpen = false;
    let server: TlsServer;
    if (authority === undefined) {
      const hasOwnPair = serverName !== "" && this.#contextFor(serverName) !== undefined;
      // Reading the fallback's pair takes longer than all the rest of it, and here it is not needed.
      const withoutPair = hasOwnPair ? { cert: undefined, key: undefined } : {};
      server = createServer({ ...this.#serverOptions(), ...withoutPair });
      server.on("secureConnection", (tls) => onSecured(tls));
      server.on("tlsClientError", this.#onHandshakeFailed);
    } else server = this.#withClientCertificates.serverFor(authority, onSecured);
    server.emit("connection", socket);
  }

  /** Takes over a connection without TLS out of the overlay, which encrypts it. */
  takePlain(socket: TunnelSocket, overlay: OverlayOrigin): void {
    socket.allowHalfOpen = false;
    this.#serve(socket, { ...addressesOf(socket), overlay, plain: true, serverName: "" });
  }

  #secured(socket: TLSSocket, client: ClientPart = {}): void {
    const proxied = this.#proxied.get(connectionKey(socket));
    const own = addressesOf(socket);
    this.#serve(socket, {
      ...client,
      ...own,
      remoteAddress: proxied?.sourceAddress ?? own.remoteAddress,
      remotePort: proxied?.sourcePort ?? own.remotePort,
      serverName: serverNameOf(socket),
    });
  }

  #serve(socket: TLSSocket | TunnelSocket, info: ConnectionInfo): void {
    setConnectionInfo(socket, info);
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
    if ("alpnProtocol" in socket && socket.alpnProtocol === "h2")
      this.#http2.emit("secureConnection", socket);
    else this.#http1.emit("connection", socket);
  }

  get connectionCount(): number {
    return this.#open.size;
  }

  /**
   * Lets visitors know that this proxy is going: HTTP/2 gets a GOAWAY, HTTP/1.1 answers carry `Connection: close`, idle
   * connections end. Requests under way finish; new ones on open connections are still answered.
   */
  drain(): void {
    this.#draining = true;
    for (const session of this.#sessions) session.close();
    this.#http1.closeIdleConnections();
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Ends whatever is still open. */
  close(): void {
    clearInterval(this.#ticketTimer);
    this.#http1.close();
    this.#http1.closeAllConnections();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#open) socket.destroy();
  }
}

type ClientPart = Pick<ConnectionInfo, "clientAuthority" | "clientCertificate">;

function addressesOf(socket: Socket | TunnelSocket) {
  return {
    remoteAddress: unmapAddress(socket.remoteAddress ?? ""),
    remotePort: socket.remotePort ?? 0,
    localAddress: unmapAddress(socket.localAddress ?? ""),
    localPort: socket.localPort ?? 0,
  };
}

/** Lower case, empty when the client sent none. */
function serverNameOf(socket: TLSSocket): string {
  return ((socket as { servername?: string | false }).servername || "").toLowerCase();
}

function connectionKey(socket: Socket | TLSSocket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress} ${socket.localPort}`;
}
