import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import type { DuplexOptions } from "node:stream";

export interface NotConnected {
  ok: false;
  /** `local`: this host ran out of sockets, has no such address family, or may not connect. */
  why: "refused" | "unreachable" | "timeout" | "local";
  code: string;
}

export type Connected = { ok: true; socket: Socket } | NotConnected;

/** When candidates fail in different ways, the one that says most about the target is told. */
const telling: readonly NotConnected["why"][] = ["local", "unreachable", "timeout", "refused"];

export interface ConnectOptions {
  port: number;
  /** For all candidates together, milliseconds. */
  timeoutMs: number;
  signal?: AbortSignal;
}

/** A candidate that has not answered by then gets company from the next one (RFC 8305 §5 suggests 250 ms). */
const NEXT_CANDIDATE_MS = 250;

/** Bytes to hold per direction; a read from a socket gives at most 64 KiB at once. */
const HIGH_WATER_MARK_BYTES = 256 * 1024;

/**
 * Connects to the first candidate that accepts, starting the next one when the one before fails or is slow.
 *
 * @param addresses IP literals, best first
 */
export function connectTcp(
  addresses: readonly string[],
  { port, timeoutMs, signal }: ConnectOptions,
): Promise<Connected> {
  return new Promise((resolve) => {
    const running = new Set<Socket>();
    let next = 0;
    let failure: NotConnected = { ok: false, why: "local", code: "ENOADDRESS" };
    let settled = false;
    let nextTimer: NodeJS.Timeout | undefined;

    const settle = (result: Connected) => {
      if (settled) return;
      settled = true;
      clearTimeout(nextTimer);
      clearTimeout(deadline);
      signal?.removeEventListener("abort", abort);
      for (const socket of running) if (!result.ok || socket !== result.socket) socket.destroy();
      resolve(result);
    };
    const abort = () => settle({ ok: false, why: "unreachable", code: "ABORT_ERR" });
    const deadline = setTimeout(() => settle({ ok: false, why: "timeout", code: "ETIMEDOUT" }), timeoutMs);

    const startNext = () => {
      clearTimeout(nextTimer);
      const host = addresses[next];
      next += 1;
      if (host === undefined) {
        if (running.size === 0) settle(failure);
        return;
      }
      // net.Socket hands its options on to Duplex; its types leave highWaterMark out.
      const options: TcpNetConnectOpts & DuplexOptions = {
        host,
        port,
        noDelay: true,
        allowHalfOpen: true,
        highWaterMark: HIGH_WATER_MARK_BYTES,
      };
      const socket = connect(options);
      running.add(socket);
      socket.once("connect", () => {
        socket.removeListener("error", failed);
        settle({ ok: true, socket });
      });
      const failed = (error: NodeJS.ErrnoException) => {
        if (settled) return;
        running.delete(socket);
        const explained = explain(error);
        if (telling.indexOf(explained.why) > telling.indexOf(failure.why)) failure = explained;
        startNext();
      };
      socket.once("error", failed);
      if (next < addresses.length) nextTimer = setTimeout(startNext, NEXT_CANDIDATE_MS);
    };
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    else startNext();
  });
}

function explain(error: NodeJS.ErrnoException): NotConnected {
  const code = error.code ?? "UNKNOWN";
  switch (code) {
    case "ECONNREFUSED":
    case "ECONNRESET":
      return { ok: false, why: "refused", code };
    case "ETIMEDOUT":
      return { ok: false, why: "timeout", code };
    case "EMFILE":
    case "ENFILE":
    case "ENOBUFS":
    case "ENOMEM":
    case "EADDRNOTAVAIL":
    case "EACCES":
    case "EPERM":
      return { ok: false, why: "local", code };
    default:
      return { ok: false, why: "unreachable", code };
  }
}
