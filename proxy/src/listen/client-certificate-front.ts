import { constants } from "node:crypto";
import { createSecureContext, createServer, type SecureContext, type Server, type TLSSocket } from "node:tls";
import { type ClientAuthority, certificateCaller } from "../access/client-certificate.ts";
import type { CertificateStore } from "../cert/certificate-store.ts";
import type { Pair } from "../cert/pair.ts";
import type { ConnectionInfo } from "./connection-info.ts";

/** Sets of authorities; whoever has more services with client certificates than that sees more handshakes prepared. */
const MAX_SERVERS = 1_000;

export interface ClientCertificateFrontParts {
  readonly certificates: CertificateStore;
  readonly handshakeMs: number;
  readonly onSecured: (
    socket: TLSSocket,
    client: Pick<ConnectionInfo, "clientAuthority" | "clientCertificate">,
  ) => void;
  readonly onFailed: (error: Error, socket: TLSSocket) => void;
}

/**
 * Handshakes that ask for a client certificate (RFC 8446 §4.3.2), only for services that take some: a browser shows its
 * user a question for each. A client without one is let through the handshake; whether the service has another method for
 * it is decided with the request.
 */
export class ClientCertificateFront {
  readonly #parts: ClientCertificateFrontParts;
  readonly #servers = new Map<string, Server>();

  constructor(parts: ClientCertificateFrontParts) {
    this.#parts = parts;
  }

  /**
   * The server that takes connections for services with these authorities.
   *
   * @param onSecured for a server of its own, instead of the one that all connections share
   */
  serverFor(authority: ClientAuthority, onSecured?: ClientCertificateFrontParts["onSecured"]): Server {
    if (onSecured !== undefined) return this.#create(authority, onSecured);
    let server = this.#servers.get(authority.digest);
    if (server === undefined) {
      server = this.#create(authority, this.#parts.onSecured);
      if (this.#servers.size >= MAX_SERVERS) this.#servers.delete(this.#servers.keys().next().value!);
      this.#servers.set(authority.digest, server);
    }
    return server;
  }

  #create(authority: ClientAuthority, onSecured: ClientCertificateFrontParts["onSecured"]): Server {
    const { certificates, handshakeMs, onFailed } = this.#parts;
    const contexts = new WeakMap<Pair, SecureContext>();
    const options = {
      ca: authority.pem,
      minVersion: "TLSv1.2" as const,
      // A resumed session would bring along what an earlier handshake found, about authorities that may have been replaced.
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
    const server = createServer({
      ...options,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: handshakeMs,
      SNICallback: (serverName, callback) => {
        const pair = certificates.pairFor(serverName.toLowerCase());
        if (pair === undefined) {
          callback(null, undefined);
          return;
        }
        let context = contexts.get(pair);
        if (context === undefined) {
          context = createSecureContext({ ...options, cert: pair.certPem, key: pair.keyPem });
          contexts.set(pair, context);
        }
        callback(null, context);
      },
    });
    server.on("secureConnection", (socket) => {
      const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
      onSecured(socket, {
        clientAuthority: authority.digest,
        ...(certificate === undefined ? {} : { clientCertificate: certificateCaller(certificate) }),
      });
    });
    server.on("tlsClientError", onFailed);
    return server;
  }
}
