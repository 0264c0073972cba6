import { Duplex } from "node:stream";
import type { TunnelSocket } from "../dialer.ts";
import type { TcpConnection, TcpFailure, TcpHandler } from "../tcp/connection.ts";
import { socketError } from "./tunnel-errors.ts";

/** Read and write ahead of the application inside the stream; the connection's own buffers come on top. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;
const READ_PIECE_BYTES = 64 * 1024;
/**
 * `http.Agent` asks for a probe after one idle second. Through a tunnel each probe costs a datagram, so we wait at least this
 * long; a peer notices fewer empty segments.
 */
const MIN_KEEPALIVE_IDLE_MS = 10_000;

/** A TCP connection as a stream with the parts of `net.Socket` that http, tls and undici use. */
export class StreamSocket extends Duplex implements TunnelSocket, TcpHandler {
  readonly #connection: TcpConnection;
  #wantsData = false;
  #ended = false;
  #pendingWrite: { chunks: Uint8Array[]; at: number; done: (error?: Error | null) => void } | undefined;
  #pendingFailure: TcpFailure | undefined;
  #isClosed = false;
  #timeoutMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #lastActivityMs = 0;
  #acknowledgedAtTimer = 0;

  constructor(connection: TcpConnection, options: { allowHalfOpen: boolean }) {
    super({
      allowHalfOpen: options.allowHalfOpen,
      // `end` alone must not tear down a connection whose other direction still lives.
      autoDestroy: true,
      emitClose: true,
      decodeStrings: true,
      readableHighWaterMark: HIGH_WATER_MARK_BYTES,
      writableHighWaterMark: HIGH_WATER_MARK_BYTES,
    });
    this.#connection = connection;
    connection.handler = this;
  }

  // ---- what net.Socket tells

  get remoteAddress(): string | undefined {
    return this.#connection.endpoints.remoteAddress.text;
  }

  get remotePort(): number | undefined {
    return this.#connection.endpoints.remotePort;
  }

  get remoteFamily(): "IPv4" | "IPv6" | undefined {
    return this.#connection.endpoints.remoteAddress.family === 4 ? "IPv4" : "IPv6";
  }

  get localAddress(): string | undefined {
    return this.#connection.endpoints.localAddress.text;
  }

  get localPort(): number | undefined {
    return this.#connection.endpoints.localPort;
  }

  get localFamily(): "IPv4" | "IPv6" | undefined {
    return this.#connection.endpoints.localAddress.family === 4 ? "IPv4" : "IPv6";
  }

  address(): { address: string; family: string; port: number } {
    return { address: this.localAddress!, family: this.localFamily!, port: this.localPort! };
  }

  get connecting(): boolean {
    return this.#connection.isConnecting;
  }

  get pending(): boolean {
    return this.connecting;
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  get bytesRead(): number {
    return this.#connection.bytesReceived;
  }

  get bytesWritten(): number {
    return this.#connection.bytesWritten;
  }

  /** Milliseconds; undefined while no timeout is set. */
  get timeout(): number | undefined {
    return this.#timeoutMs === 0 ? undefined : this.#timeoutMs;
  }

  // ---- what net.Socket does

  setTimeout(timeoutMs: number, onTimeout?: () => void): this {
    this.#timeoutMs = timeoutMs;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (timeoutMs === 0) {
      if (onTimeout !== undefined) this.off("timeout", onTimeout);
      return this;
    }
    if (onTimeout !== undefined) this.once("timeout", onTimeout);
    this.#active();
    return this;
  }

  /** Like `net.Socket`, fires once per silence; the next activity arms it again. */
  #active(): void {
    if (this.#timeoutMs === 0) return;
    this.#lastActivityMs = performance.now();
    if (this.#timer === undefined && !this.destroyed) this.#armTimer(this.#timeoutMs);
  }

  /** One timer that looks at the time of the last activity, instead of one re-armed for every chunk. */
  #armTimer(delayMs: number): void {
    this.#acknowledgedAtTimer = this.#connection.sender.una;
    this.#timer = setTimeout(() => {
      // What was written before may still be on its way to a slow peer: that is no silence.
      if (this.#connection.sender.una !== this.#acknowledgedAtTimer) this.#lastActivityMs = performance.now();
      const idleMs = performance.now() - this.#lastActivityMs;
      if (idleMs + 1 < this.#timeoutMs) {
        this.#armTimer(this.#timeoutMs - idleMs);
        return;
      }
      this.#timer = undefined;
      this.emit("timeout");
    }, delayMs).unref();
  }

  setNoDelay(noDelay = true): this {
    this.#connection.setNoDelay(noDelay);
    return this;
  }

  setKeepAlive(enable = false, initialDelayMs = 0): this {
    this.#connection.setKeepAlive(enable ? Math.max(MIN_KEEPALIVE_IDLE_MS, initialDelayMs) : 0);
    return this;
  }

  /** The tunnel's UDP socket, not its streams, keeps the process alive; see `Tunnel.close`. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Ends the writing side and destroys the stream once everything is flushed, as http does after "Connection: close". */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", () => this.destroy());
  }

  resetAndDestroy(): this {
    this.#connection.abort();
    return this.destroy();
  }

  // ---- Duplex

  override _read(): void {
    this.#wantsData = true;
    this.#pull();
  }

  #pull(): void {
    while (this.#wantsData && !this.destroyed) {
      const piece = this.#connection.read(READ_PIECE_BYTES);
      if (piece === undefined) break;
      this.#active();
      this.#wantsData = this.push(piece);
    }
    if (this.#connection.isReadEnd && !this.#ended) {
      this.#ended = true;
      this.push(null);
    }
    if (this.#pendingFailure !== undefined && this.#connection.receiver.queue.length === 0) {
      this.#fail(this.#pendingFailure);
    }
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#writeAll([chunk], done);
  }

  override _writev(
    entries: { chunk: Uint8Array; encoding: BufferEncoding }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#writeAll(
      entries.map((entry) => entry.chunk),
      done,
    );
  }

  #writeAll(chunks: Uint8Array[], done: (error?: Error | null) => void): void {
    this.#active();
    if (this.#isClosed) {
      done(socketError("EPIPE", "write"));
      return;
    }
    for (let at = 0; at < chunks.length; at += 1) {
      const chunk = chunks[at]!;
      const taken = this.#connection.write(chunk);
      if (taken < chunk.length) {
        chunks[at] = chunk.subarray(taken);
        this.#pendingWrite = { chunks, at, done };
        return;
      }
    }
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.finishWriting();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isClosed = true;
    const pending = this.#pendingWrite;
    this.#pendingWrite = undefined;
    if (pending !== undefined) {
      this.#connection.abort();
      pending.done(error ?? socketError("ECONNRESET", "write"));
    }
    // A stream that ended well or was given up: the connection finishes its handshake, or resets, on its own.
    this.#connection.close();
    done(error);
  }

  // ---- TcpHandler: called by the engine's flush

  onConnected(): void {
    this.#active();
    this.emit("connect");
    this.emit("ready");
  }

  onReadable(): void {
    this.#active();
    this.#pull();
  }

  onWritable(): void {
    const pending = this.#pendingWrite;
    if (pending === undefined) return;
    this.#pendingWrite = undefined;
    this.#writeAll(pending.chunks.slice(pending.at), pending.done);
  }

  onClosed(failure: TcpFailure | undefined): void {
    if (failure === undefined) {
      this.#pull();
      return;
    }
    // What arrived before a reset is still for the reader.
    if (failure === "ECONNRESET" && this.#connection.receiver.queue.length > 0 && !this.destroyed) {
      this.#pendingFailure = failure;
      this.#pull();
      return;
    }
    this.#fail(failure);
  }

  #fail(failure: TcpFailure): void {
    this.#pendingFailure = undefined;
    this.#isClosed = true;
    const syscall = this.listenerCount("connect") > 0 && this.bytesRead === 0 ? "connect" : "read";
    const error = socketError(failure, syscall, this.remoteAddress, this.remotePort);
    const pending = this.#pendingWrite;
    this.#pendingWrite = undefined;
    pending?.done(error);
    this.destroy(error);
  }
}
