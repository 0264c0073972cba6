import type { Duplex, Readable } from "node:stream";
import type { ConnectionInfo } from "./connection-info.ts";

/** One request of a visitor and the way to answer it, the same for HTTP/1.1 and HTTP/2. */
export interface Downstream {
  readonly httpVersion: "1.0" | "1.1" | "2";
  readonly connection: ConnectionInfo;
  readonly method: string;
  /** As sent: origin form, absolute form or `*`. */
  readonly target: string;
  /** Name and value by turns, as sent; without pseudo headers. */
  readonly headers: readonly string[];
  /** `:authority`; undefined for HTTP/1, where Host says it. */
  readonly authority: string | undefined;
  /** Undefined when the request has none. */
  readonly body: Readable | undefined;
  /** Protocol that the visitor wants to switch to, lower case: HTTP/1.1 Upgrade, or RFC 8441 `:protocol`. */
  readonly upgrade: string | undefined;
  /** The head of the answer has been sent. */
  readonly headSent: boolean;
  /** Body bytes given to {@link write}. */
  readonly bytesSent: number;

  /** A 1xx answer; nothing happens where the visitor's protocol has none. */
  informational(status: number, headers: string[]): void;
  /** @throws when a header is not valid; then nothing was sent */
  head(status: number, headers: string[], hasBody: boolean): void;
  /** @returns false when the visitor is slower than we are; {@link onDrain} follows */
  write(chunk: Buffer): boolean;
  end(trailers?: string[]): void;
  /** The rest of the body is not wanted: the request is over with the answer. Called before {@link end}. */
  refuseRest(): void;
  /** Cuts the connection or stream so that the visitor sees the answer as broken. */
  abort(): void;
  /**
   * Accepts the upgrade.
   * @returns both directions of the visitor's connection
   */
  switchProtocols(headers: string[]): Duplex;

  onDrain: (() => void) | undefined;
  /** The answer has been sent, or the visitor went away before that. Called once. */
  onClose: ((complete: boolean) => void) | undefined;
}
