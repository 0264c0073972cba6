import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from "node:tls";
import { type Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { guessProtocol } from "./guess-protocol.ts";

export interface OnePortOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** PEM. Absent: cleartext. */
  tls?: TlsMaterial;
  /** Must not be bound to a port itself. */
  grpcServer: GrpcServer;
  /** Must not listen itself. Its own header, request and keep-alive timeouts apply. */
  httpServer: HttpServer;
  /** How long a new connection may take to show what it speaks; it is dropped afterwards. */
  firstBytesTimeoutMs?: number;
  /** How long calls and requests may take to finish on {@link OnePort.close}. */
  closeGraceMs?: number;
}

export interface TlsMaterial {
  cert: string | Buffer;
  key: string | Buffer;
}

export interface OnePort {
  readonly address: AddressInfo;
  /** New connections use the new pair. @throws Error when certificate and key do not fit; the old pair stays */
  replaceTls(tls: TlsMaterial): void;
  /** Stops accepting, lets what is under way finish, then ends the rest. */
  close(): Promise<void>;
}

/**
 * REST (HTTP/1.1) and gRPC (HTTP/2) on one port. Cleartext connections are told apart by their first bytes, TLS
 * connections by ALPN: whoever offers `http/1.1` gets it (browsers offer both), whoever offers only `h2` speaks gRPC.
 */
export async function listenOnOnePort(options: OnePortOptions): Promise<OnePort> {
  const { host, port, tls, grpcServer, httpServer } = options;
  const { firstBytesTimeoutMs = 10_000, closeGraceMs = 2_000 } = options;
  const injector = grpcServer.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // A reset before anybody else listens must not end the process.
    socket.on("error", () => socket.destroy());
  };
  const routes: Routes = {
    grpc: (socket) => injector.injectConnection(socket),
    http: (socket) => httpServer.emit("connection", socket),
  };
  const server = tls
    ? tlsListener(tls, firstBytesTimeoutMs, routes, track)
    : cleartextListener(firstBytesTimeoutMs, routes, track);
  watchSlowRequests(httpServer);
  server.listen({ host, port });
  await once(server, "listening");

  async function close(): Promise<void> {
    const closed = once(server, "close");
    server.close();
    injector.drain(closeGraceMs);
    // A connection whose last request has just been answered is idle a moment later.
    const idle = setInterval(() => httpServer.closeIdleConnections(), 20);
    // Also stops the timer that watchSlowRequests started; this server never listened, so that is all it does.
    httpServer.close();
    const enough = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, closeGraceMs);
    await closed;
    clearTimeout(enough);
    clearInterval(idle);
    injector.destroy();
  }
  let closing: Promise<void> | undefined;

  return {
    address: server.address() as AddressInfo,
    replaceTls(material) {
      if (!("setSecureContext" in server)) throw new Error("the port was opened without TLS");
      (server as TlsServer).setSecureContext(material);
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

interface Routes {
  grpc(socket: Socket): void;
  http(socket: Socket): void;
}

function cleartextListener(timeoutMs: number, routes: Routes, track: (socket: Socket) => void): Server {
  return createServer({ noDelay: true }, (socket) => {
    track(socket);
    const tooSlow = setTimeout(() => socket.destroy(), timeoutMs);
    socket.once("close", () => clearTimeout(tooSlow));
    let seen: Buffer = Buffer.alloc(0);
    const onReadable = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
        seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      }
      const protocol = guessProtocol(seen);
      if (protocol === "undecided") return;
      clearTimeout(tooSlow);
      socket.off("readable", onReadable);
      socket.off("end", onEnd);
      socket.unshift(seen);
      if (protocol === "h2") routes.grpc(socket);
      else routes.http(socket);
    };
    const onEnd = () => socket.destroy();
    socket.on("readable", onReadable);
    socket.on("end", onEnd);
  });
}

function tlsListener(
  tls: TlsMaterial,
  timeoutMs: number,
  routes: Routes,
  track: (socket: Socket) => void,
): Server {
  const server = createTlsServer(
    {
      ...tls,
      noDelay: true,
      minVersion: "TLSv1.2",
      handshakeTimeout: timeoutMs,
      ALPNCallback: ({ protocols }) => {
        if (protocols.includes("http/1.1")) return "http/1.1";
        return protocols.includes("h2") ? "h2" : undefined;
      },
    },
    (socket: TLSSocket) => {
      socket.on("error", () => socket.destroy());
      if (socket.alpnProtocol === "h2") routes.grpc(socket);
      else routes.http(socket);
    },
  );
  server.on("connection", track);
  // A failed handshake is the client's business.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/** Node enforces headersTimeout and requestTimeout only after the server's `listening` event, which ours never has. */
function watchSlowRequests(httpServer: HttpServer): void {
  httpServer.emit("listening");
}
