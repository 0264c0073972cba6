import type { Duplex, Readable } from "node:stream";
import type { TunnelSocket } from "@netbird-proxy/tunnel";
import { Client, type Dispatcher } from "undici";

/** One request as it goes to a target. */
export interface UpstreamRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Name and value by turns. */
  readonly headers: string[];
  readonly body: Readable | null;
  /** The protocol of an upgrade, such as `websocket`. */
  readonly upgrade: string | undefined;
}

/** Takes the answer as it comes in. Called in this order; `failed` may come instead of anything. */
export interface UpstreamHandler {
  /** The request is about to be written; `abort` ends it and its connection. */
  started(abort: () => void): void;
  /** Also for informational answers. @returns false to pause until `resume` is called */
  head(status: number, headers: Buffer[], resume: () => void): boolean;
  /** @returns false to pause */
  data(chunk: Buffer): boolean;
  complete(trailers: Buffer[]): void;
  upgraded(status: number, headers: Buffer[], socket: Duplex): void;
  /** @param sent the target may have seen something of the request */
  failed(error: Error, sent: boolean): void;
}

/** What a connection tells its pool. */
export interface ConnectionOwner {
  connectionFree(connection: UpstreamConnection): void;
  connectionClosed(connection: UpstreamConnection): void;
}

/**
 * One HTTP/1.1 connection to a target, over a socket that stands already. Carries one request at a time: with
 * pipelining, one slow answer would hold up strangers.
 */
export class UpstreamConnection {
  /** Requests finished on it; a failure on a connection that has carried some may only mean that it was stale. */
  served = 0;
  /** When the last request finished, milliseconds of the monotonic clock. */
  idleSinceMs = 0;
  closed = false;
  readonly #client: Client;
  readonly #socket: Duplex;
  readonly #owner: ConnectionOwner;
  #handler: UpstreamHandler | undefined;

  constructor(
    socket: TunnelSocket | Duplex,
    idleTimeoutMs: number,
    maxHeaderBytes: number,
    owner: ConnectionOwner,
  ) {
    this.#owner = owner;
    this.#socket = socket;
    let given = false;
    this.#client = new Client("http://upstream", {
      // Timeouts are ours: undici's clock is too coarse, and it counts paused downloads as idle.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: idleTimeoutMs,
      keepAliveMaxTimeout: idleTimeoutMs,
      maxHeaderSize: maxHeaderBytes,
      connect: (_options, callback) => {
        // The client would reconnect by itself; a connection that is gone is the pool's business.
        const error = given ? new Error("the connection is closed") : null;
        given = true;
        // Not at once: the client is in the middle of looking for work and would not look again.
        queueMicrotask(() => {
          if (error !== null) callback(error, null);
          else callback(null, socket as never);
        });
      },
    });
    this.#client.on("disconnect", () => this.#onDisconnect());
  }

  /** False as soon as it can carry no further request; {@link closed} follows when the socket is really gone. */
  get alive(): boolean {
    return !this.closed && !this.#socket.destroyed;
  }

  send(request: UpstreamRequest, handler: UpstreamHandler): void {
    this.#handler = handler;
    this.#client.dispatch(
      {
        method: request.method as "GET",
        path: request.path,
        headers: request.headers,
        body: request.body,
        upgrade: request.upgrade ?? null,
        blocking: false,
        // undici closes after HEAD and after bodies on methods without one; neither is needed with a strict parser.
        reset: request.upgrade === undefined ? false : undefined,
      },
      // The handler with raw headers: the other one makes an object of every header block.
      this as Dispatcher.DispatchHandler,
    );
  }

  close(): void {
    this.closed = true;
    this.#client.destroy().catch(() => {});
  }

  #onDisconnect(): void {
    if (this.closed) return;
    this.closed = true;
    this.#client.destroy().catch(() => {});
    this.#owner.connectionClosed(this);
  }

  // What undici calls.

  onConnect(abort: () => void): void {
    this.#handler?.started(abort);
  }

  onHeaders(status: number, headers: Buffer[], resume: () => void): boolean {
    return this.#handler!.head(status, headers, resume);
  }

  onData(chunk: Buffer): boolean {
    return this.#handler!.data(chunk);
  }

  onComplete(trailers: Buffer[] | null): void {
    const handler = this.#handler!;
    this.#handler = undefined;
    this.served += 1;
    handler.complete(trailers ?? []);
    this.#owner.connectionFree(this);
  }

  onUpgrade(status: number, headers: Buffer[], socket: Duplex): void {
    const handler = this.#handler!;
    this.#handler = undefined;
    handler.upgraded(status, headers, socket);
  }

  onError(error: Error): void {
    const handler = this.#handler;
    this.#handler = undefined;
    if (!this.closed) this.#onDisconnect();
    handler?.failed(error, true);
  }
}
