import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import type { LogLevel } from "./config.ts";

export type { Logger };

/**
 * Names of the fields that log lines share, in one place so that a search finds every line about one thing:
 * peer_id, address, proxy_id, endpoint, management_url, source, destination, protocol, port, why, error, path,
 * wait_ms, revision, connections, flows, count.
 */
export interface LogSink {
  log: Logger;
  /** Writes what is buffered; call before the process exits. */
  flush(): void;
}

/** JSON lines to stdout; short lines for people when stdout is a terminal. */
export function createLog(level: LogLevel, terminal: boolean): LogSink {
  // Asynchronous, so that a reader who stalls the pipe does not stall the tunnel; bounded, so that he doesn't eat memory.
  const out = terminal ? undefined : destination({ fd: 1, sync: false, maxLength: 8 << 20 });
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // A second net: nothing logs these on purpose.
    redact: ["token", "setup_key", "private_key", "preshared_key", "*.token", "*.private_key"],
  };
  const log = pino(options, out ?? humanLines((line) => process.stdout.write(line)));
  return {
    log,
    flush() {
      try {
        out?.flushSync();
      } catch {
        // stdout is gone; there is nobody left to tell.
      }
    },
  };
}

/** Turns pino's JSON lines into `12:04:05 info  joined  peer_id=... address=...`. */
export function humanLines(write: (line: string) => void): DestinationStream {
  return {
    write(json: string) {
      const { level, time, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
      const shown = Object.entries(fields).map(
        ([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      );
      write(`${[String(time).slice(11, 19), String(level).padEnd(5), msg, ...shown].join(" ")}\n`);
    },
  };
}
