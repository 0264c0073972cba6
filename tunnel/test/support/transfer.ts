import type { TcpConnection, TcpFailure, TcpHandler } from "../../src/tcp/connection.ts";

/** The byte at `position` of a test stream: a pattern in which every shift, gap and repetition shows. */
export function patternByte(position: number): number {
  return (position ^ (position >>> 8) ^ (position >>> 16) ^ (position >>> 24)) & 0xff;
}

/** Fills a buffer with the pattern from `position` on. */
export function patternBytes(position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i += 1) bytes[i] = patternByte(position + i);
  return bytes;
}

/** An application on a core connection: writes `toSend` pattern bytes and checks that what it reads is the pattern. */
export class Transfer implements TcpHandler {
  readonly connection: TcpConnection;
  readonly toSend: number;
  received = 0;
  sent = 0;
  connected = false;
  ended = false;
  closed = false;
  failure: TcpFailure | undefined;
  /** False holds reading back. */
  reading = true;
  /** Position of the first wrong byte, -1 while everything is right. */
  firstWrong = -1;
  readonly #finish: boolean;

  constructor(connection: TcpConnection, toSend: number, options: { finish?: boolean } = {}) {
    this.connection = connection;
    this.toSend = toSend;
    this.#finish = options.finish ?? true;
    connection.handler = this;
    this.#write();
  }

  onConnected(): void {
    this.connected = true;
    this.#write();
  }

  onReadable(): void {
    if (this.reading) this.read();
  }

  read(maxBytes = Number.POSITIVE_INFINITY): void {
    let left = maxBytes;
    while (left > 0) {
      const piece = this.connection.read(Math.min(left, 65_536));
      if (piece === undefined) break;
      left -= piece.length;
      for (let i = 0; i < piece.length && this.firstWrong < 0; i += 1) {
        if (piece[i] !== patternByte(this.received + i)) this.firstWrong = this.received + i;
      }
      this.received += piece.length;
    }
    if (this.connection.isReadEnd) this.ended = true;
  }

  onWritable(): void {
    this.#write();
  }

  onClosed(failure: TcpFailure | undefined): void {
    this.closed = true;
    this.failure = failure;
  }

  #write(): void {
    while (this.sent < this.toSend) {
      const piece = patternBytes(this.sent, Math.min(32_768, this.toSend - this.sent));
      const taken = this.connection.write(piece);
      this.sent += taken;
      if (taken < piece.length) return;
    }
    if (this.#finish) this.connection.finishWriting();
  }
}
