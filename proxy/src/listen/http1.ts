import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { type ConnectionInfo, connectionInfo } from "./connection-info.ts";
import type { Downstream } from "./downstream.ts";

/** From the end of one request to the first byte of the next. */
const KEEP_ALIVE_MS = 120_000;
/** For the whole header block, so that a client that sends a byte a minute does not keep a connection. */
const HEADERS_MS = 10_000;

/**
 * The HTTP/1.1 side of the main listener. It never listens itself; connections come in through
 * `server.emit("connection", socket)` when their TLS handshake is done.
 */
export function createHttp1Server(options: {
  maxHeaderBytes: number;
  onRequest: (down: Downstream) => void;
  /** Answers say that the connection ends with them. */
  isDraining: () => boolean;
}): Server {
  const server = createServer({
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: HEADERS_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Uploads may take as long as they take.
    requestTimeout: 0,
    connectionsCheckingInterval: 1000,
    noDelay: true,
  });
  // The size is limited; a limit on the number would drop headers without a word.
  server.maxHeadersCount = 0;
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const info = connectionInfo(request.socket);
    if (options.isDraining()) response.shouldKeepAlive = false;
    if (info === undefined) request.socket.destroy();
    else options.onRequest(new Http1Downstream(request, response, info, undefined));
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const info = connectionInfo(socket);
    if (info === undefined) {
      socket.destroy();
      return;
    }
    // From here on nobody but us listens to this socket, and an unheard error would end the process.
    socket.on("error", () => {});
    if (head.length > 0) socket.unshift(head);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as never);
    response.once("finish", () => {
      response.detachSocket(socket as never);
      socket.end();
      // What the visitor goes on sending is not for anybody.
      socket.resume();
    });
    options.onRequest(new Http1Downstream(request, response, info, socket));
  });
  server.on("clientError", refuseBadRequest);
  // Starts the timers that watch for slow headers; they are set up when a server starts to listen.
  server.emit("listening");
  return server;
}

/** How long a visitor may go on sending what we will not read, so that it gets to see why. */
const LINGER_MS = 500;

/** Answers what is not HTTP. Closed at once, unread bytes would make the kernel take our answer back with a reset. */
function refuseBadRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  const code = error.code;
  if (code === "ECONNRESET" || !socket.writable || (socket as { _httpMessage?: object })._httpMessage) {
    socket.destroy();
    return;
  }
  const status =
    code === "HPE_HEADER_OVERFLOW"
      ? "431 Request Header Fields Too Large"
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "408 Request Timeout"
        : "400 Bad Request";
  socket.removeAllListeners("data");
  socket.on("error", () => {});
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  socket.resume();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function onDrain(this: ServerResponse & { down?: Http1Downstream }): void {
  this.down?.onDrain?.();
}

function onClose(this: ServerResponse & { down?: Http1Downstream }): void {
  this.down?.onClose?.(this.writableFinished);
}

class Http1Downstream implements Downstream {
  readonly httpVersion: "1.0" | "1.1";
  readonly connection: ConnectionInfo;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly authority = undefined;
  readonly body: Readable | undefined;
  readonly upgrade: string | undefined;
  bytesSent = 0;
  onDrain: (() => void) | undefined = undefined;
  onClose: ((complete: boolean) => void) | undefined = undefined;
  readonly #response: ServerResponse;
  readonly #upgradeSocket: Duplex | undefined;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    info: ConnectionInfo,
    upgradeSocket: Duplex | undefined,
  ) {
    this.httpVersion = request.httpVersion === "1.0" ? "1.0" : "1.1";
    this.connection = info;
    this.method = request.method!;
    this.target = request.url!;
    this.headers = request.rawHeaders;
    this.#response = response;
    this.#upgradeSocket = upgradeSocket;
    if (upgradeSocket === undefined) {
      this.body = hasBody(request.rawHeaders) ? request : undefined;
      this.upgrade = undefined;
    } else {
      this.body = undefined;
      this.upgrade = request.headers.upgrade?.toLowerCase();
    }
    const carrier = response as ServerResponse & { down?: Http1Downstream };
    carrier.down = this;
    carrier.on("drain", onDrain);
    carrier.on("close", onClose);
  }

  get headSent(): boolean {
    return this.#response.headersSent;
  }

  informational(status: number, headers: string[]): void {
    // Only the answer whose turn it is has a socket (pipelining), and HTTP/1.0 has no 1xx.
    const { socket } = this.#response;
    if (socket === null || this.httpVersion === "1.0" || this.headSent) return;
    let head = `HTTP/1.1 ${status} ${status === 103 ? "Early Hints" : "Processing"}\r\n`;
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    socket.write(`${head}\r\n`, "latin1");
  }

  head(status: number, headers: string[], _hasBody: boolean): void {
    this.#response.writeHead(status, headers);
  }

  write(chunk: Buffer): boolean {
    this.bytesSent += chunk.length;
    return this.#response.write(chunk);
  }

  end(trailers?: string[]): void {
    if (trailers !== undefined && trailers.length > 0) {
      const pairs: [string, string][] = [];
      for (let i = 0; i < trailers.length; i += 2) pairs.push([trailers[i]!, trailers[i + 1]!]);
      this.#response.addTrailers(pairs);
    }
    this.#response.end();
  }

  refuseRest(): void {
    // Nothing to do: the answer says `connection: close`, and the rest goes with the connection.
  }

  abort(): void {
    if (this.#upgradeSocket !== undefined) this.#upgradeSocket.destroy();
    this.#response.destroy();
  }

  switchProtocols(headers: string[]): Duplex {
    const socket = this.#upgradeSocket!;
    this.#response.removeListener("close", onClose);
    this.#response.detachSocket(socket as never);
    let head = "HTTP/1.1 101 Switching Protocols\r\n";
    for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
    socket.write(`${head}\r\n`, "latin1");
    return socket;
  }
}

/** RFC 9112 §6.3: a request has a body when one of these says so. */
function hasBody(rawHeaders: readonly string[]): boolean {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 14) {
      if (name.toLowerCase() === "content-length" && rawHeaders[i + 1] !== "0") return true;
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") return true;
  }
  return false;
}
