import { Socket } from "node:net";
import type { Duplex } from "node:stream";

/** What both ends of a forwarded connection can do: `net.Socket` and the tunnel's socket alike. */
export interface PipeEnd extends Duplex {
  /** Sends RST instead of FIN. */
  resetAndDestroy(): unknown;
}

/** Two streams that carry each other's bytes. */
export interface Pipe {
  /** Bytes moved so far in both directions. */
  readonly bytes: number;
  /** Resets both sides. */
  reset(): void;
}

/** A connection with one direction ended and nothing moving in the other is given up after one to two of these. */
const HALF_CLOSED_IDLE_MS = 10 * 60_000;

/**
 * Carries bytes between two connected streams: back-pressure, half-close, and errors. A side that fails resets the other,
 * so that nobody takes a cut-off answer for a complete one.
 *
 * @param onClosed called once, when both sides are gone
 */
export function pipeStreams(
  a: PipeEnd,
  b: PipeEnd,
  onClosed: () => void,
  halfClosedIdleMs = HALF_CLOSED_IDLE_MS,
): Pipe {
  let bytes = 0;
  let open = 2;
  let halfClosedTimer: NodeJS.Timeout | undefined;
  let bytesAtCheck = 0;

  const reset = () => {
    cut(a);
    cut(b);
  };

  const checkHalfClosed = () => {
    if (bytes === bytesAtCheck) return reset();
    bytesAtCheck = bytes;
  };

  const direction = (from: PipeEnd, to: PipeEnd) => {
    let corked = false;
    const uncork = () => {
      corked = false;
      to.uncork();
    };
    from.on("data", (chunk: Buffer) => {
      if (to.destroyed) return;
      bytes += chunk.length;
      // What arrives in one turn of the event loop leaves in one write: a tunnel delivers packet by packet.
      if (!corked) {
        corked = true;
        to.cork();
        setImmediate(uncork);
      }
      if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
    });
    from.on("end", () => {
      to.end();
      if (halfClosedTimer === undefined) {
        bytesAtCheck = bytes;
        halfClosedTimer = setInterval(checkHalfClosed, halfClosedIdleMs).unref();
      }
    });
    from.on("error", () => {
      cut(to);
    });
    from.on("close", () => {
      // Closed without having ended, and perhaps without an error event: the other side must not see a clean end.
      const clean = from.readableEnded && from.writableFinished;
      if (!clean) cut(to);
      open -= 1;
      if (open > 0) return;
      clearInterval(halfClosedTimer);
      onClosed();
    });
  };

  direction(a, b);
  direction(b, a);
  // A stream that was handed over paused does not start by itself.
  a.resume();
  b.resume();
  return {
    get bytes() {
      return bytes;
    },
    reset,
  };
}

/**
 * Resets the stream. While a socket of the system is sending its FIN, libuv refuses to reset it (EINVAL), and Node then forgets
 * the descriptor without closing it. What such a socket had to say is with the kernel, so closing it loses nothing.
 */
function cut(stream: PipeEnd): void {
  if (stream.destroyed) return;
  const sendingFin = stream.writableEnded && !stream.writableFinished && stream.writableLength === 0;
  if (sendingFin && stream instanceof Socket) stream.destroy();
  else stream.resetAndDestroy();
}
