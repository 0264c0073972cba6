import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Duplex, Readable } from "node:stream";
import { type ConnectionInfo, connectionInfo } from "./connection-info.ts";
import type { Downstream } from "./downstream.ts";

const SESSION_IDLE_MS = 120_000;
const MAX_STREAMS = 250;
/** Node's default of 64 KiB for a whole connection would slow uploads down to one window per round trip. */
const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;
const STREAM_WINDOW_BYTES = 1024 * 1024;

/**
 * The HTTP/2 side of the main listener. It never listens itself; connections come in through
 * `server.emit("secureConnection", socket)` when their TLS handshake has chosen h2.
 */
export function createHttp2Server(options: {
  maxHeaderBytes: number;
  onRequest: (down: Downstream) => void;
}): Http2SecureServer {
  const server = createSecureServer({
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: options.maxHeaderBytes,
      // RFC 8441: WebSockets over HTTP/2.
      enableConnectProtocol: true,
    },
    // Bounds what one client can make us keep, in MB.
    maxSessionMemory: 64,
    // The size is limited already.
    maxHeaderListPairs: 2000,
    maxSendHeaderBlockLength: 1024 * 1024,
  });
  server.on("session", (session: ServerHttp2Session) => {
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.setTimeout(SESSION_IDLE_MS, () => {
      // A quiet stream (long poll, WebSocket) is not an idle connection.
      if ((session as ServerHttp2Session & { openStreams?: number }).openStreams) return;
      session.close();
    });
    session.on("error", () => {});
  });
  server.on(
    "stream",
    (
      stream: ServerHttp2Stream,
      headers: IncomingHttpHeaders & Record<string, string | undefined>,
      flags: number,
      rawHeaders: string[],
    ) => {
      const session = stream.session as (ServerHttp2Session & { openStreams?: number }) | undefined;
      // A broken stream is the visitor's business; its close event follows.
      stream.on("error", () => {});
      const info = session === undefined ? undefined : connectionInfo(session.socket as object);
      if (session === undefined || info === undefined) {
        stream.close(constants.NGHTTP2_INTERNAL_ERROR);
        return;
      }
      session.openStreams = (session.openStreams ?? 0) + 1;
      stream.once("close", () => {
        session.openStreams! -= 1;
      });
      if (headers.expect?.toLowerCase() === "100-continue") stream.additionalHeaders({ ":status": 100 });
      options.onRequest(new Http2Downstream(stream, headers, flags, rawHeaders, info));
    },
  );
  return server;
}

class Http2Downstream implements Downstream {
  readonly httpVersion = "2";
  readonly connection: ConnectionInfo;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly authority: string | undefined;
  readonly body: Readable | undefined;
  readonly upgrade: string | undefined;
  bytesSent = 0;
  onDrain: (() => void) | undefined = undefined;
  onClose: ((complete: boolean) => void) | undefined = undefined;
  readonly #stream: ServerHttp2Stream;
  #trailers: string[] | undefined;
  #ended = false;

  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders & Record<string, string | undefined>,
    flags: number,
    rawHeaders: string[],
    info: ConnectionInfo,
  ) {
    this.#stream = stream;
    this.connection = info;
    const connectProtocol = headers[":protocol"];
    const method = headers[":method"] ?? "";
    this.upgrade =
      method === "CONNECT" && connectProtocol !== undefined ? connectProtocol.toLowerCase() : undefined;
    this.method = this.upgrade === undefined ? method : "GET";
    this.target = headers[":path"] ?? "";
    this.authority = headers[":authority"];
    const plain: string[] = [];
    let cookies: string | undefined;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      if (name.charCodeAt(0) === 58) continue;
      // RFC 9113 §8.2.3: cookie crumbs are joined before they go anywhere that is not HTTP/2.
      if (name === "cookie")
        cookies = cookies === undefined ? rawHeaders[i + 1]! : `${cookies}; ${rawHeaders[i + 1]}`;
      else plain.push(name, rawHeaders[i + 1]!);
    }
    if (cookies !== undefined) plain.push("cookie", cookies);
    this.headers = plain;
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    this.body = ended || this.upgrade !== undefined ? undefined : stream;
    stream.on("drain", () => this.onDrain?.());
    stream.on("close", () => this.onClose?.(this.#ended && stream.rstCode === constants.NGHTTP2_NO_ERROR));
    stream.on("wantTrailers", () => stream.sendTrailers(toObject(this.#trailers ?? [])));
  }

  get headSent(): boolean {
    return this.#stream.headersSent;
  }

  informational(status: number, headers: string[]): void {
    if (this.#stream.headersSent || this.#stream.destroyed) return;
    this.#stream.additionalHeaders({ ":status": status, ...toObject(headers) });
  }

  head(status: number, headers: string[], hasBody: boolean): void {
    if (this.#stream.destroyed) return;
    const fields = toObject(headers);
    fields[":status"] = status;
    this.#ended = !hasBody;
    this.#stream.respond(fields, { endStream: !hasBody, waitForTrailers: hasBody && "trailer" in fields });
  }

  write(chunk: Buffer): boolean {
    this.bytesSent += chunk.length;
    return this.#stream.destroyed || this.#stream.write(chunk);
  }

  end(trailers?: string[]): void {
    this.#trailers = trailers;
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.end();
  }

  refuseRest(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    // RFC 9113 §8.1: the answer stays whole, and the visitor stops sending. Without it the stream would stay open.
    stream.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
  }

  abort(): void {
    // Not `close(code)`: it ends the body first, and a visitor would take half an answer for a whole one.
    this.#stream.destroy(new Error("the answer broke off"));
  }

  switchProtocols(headers: string[]): Duplex {
    this.#stream.respond({ ...toObject(headers), ":status": 200 });
    return this.#stream;
  }
}

/** Node's HTTP/2 takes an object; what comes several times becomes a list. */
function toObject(headers: readonly string[]): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    const value = headers[i + 1]!;
    const known = fields[name];
    if (known === undefined) fields[name] = value;
    else if (Array.isArray(known)) known.push(value);
    else fields[name] = [String(known), value];
  }
  return fields;
}
