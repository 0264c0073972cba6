import {
  type handleUnaryCall,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status as Status,
} from "@grpc/grpc-js";
import type { Logger } from "pino";
import { CallFailure, toStatus } from "./call-failure.ts";

/** A unary handler that answers or throws. */
export function unary<Request, Response>(
  log: Pick<Logger, "error">,
  handler: (call: ServerUnaryCall<Request, Response>) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, answer) => {
    handler(call).then(
      (response) => answer(null, response),
      (error: unknown) => answer(toStatus(error, log, call.getPath())),
    );
  };
}

/** The life of one stream. */
export interface StreamLife<Response> {
  /** Fires when the client is gone or the server ends the stream. */
  readonly signal: AbortSignal;
  /** Resolves when the transport has taken the message: the client's flow control holds the caller back. */
  send(message: Response): Promise<void>;
  /** Ends the stream from outside of its handler. Only the first reason counts. */
  end(reason: unknown): void;
}

/**
 * Runs a stream's handler: what it throws, or the reason of {@link StreamLife.end}, becomes the stream's status; when it
 * returns, the status is OK.
 */
export function serveStream<Request, Response>(
  call: ServerWritableStream<Request, Response> | ServerDuplexStream<Request, Response>,
  log: Pick<Logger, "error">,
  handler: (life: StreamLife<Response>) => Promise<void>,
): void {
  const controller = new AbortController();
  const { signal } = controller;
  let ended: { reason: unknown } | undefined;
  call.on("cancelled", () => controller.abort());
  call.on("close", () => controller.abort());
  const life: StreamLife<Response> = {
    signal,
    send: (message) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(new StreamGone());
        const onAbort = () => reject(new StreamGone());
        signal.addEventListener("abort", onAbort, { once: true });
        call.write(message, (error?: Error | null) => {
          signal.removeEventListener("abort", onAbort);
          if (error) reject(new StreamGone());
          else resolve();
        });
      }),
    end(reason) {
      ended ??= { reason };
      controller.abort();
    },
  };
  handler(life)
    .then(
      () => ended,
      (error: unknown) => ended ?? (error instanceof StreamGone ? undefined : { reason: error }),
    )
    .then((failure) => {
      controller.abort();
      if (call.cancelled || call.destroyed) return;
      if (failure) call.emit("error", toStatus(failure.reason, log, call.getPath()));
      else call.end();
    });
}

/** The other side is not there any more; nobody is left to tell. */
export class StreamGone extends Error {}

/** A client that closes its side wants nothing more: the stream ends well. */
export function halfClosed(): CallFailure {
  return new CallFailure(Status.OK, "");
}

/** Resolves when the signal fires. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
