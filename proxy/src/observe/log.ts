import { type DestinationStream, type Logger, pino } from "pino";
import type { LogLevel } from "../config.ts";

export type { Logger } from "pino";

/**
 * The names under which things appear in log lines. One spelling each, so that a search finds everything about a
 * service, an account or a request. Whole headers, cookies, bodies and keys are never fields.
 */
export interface LogFields {
  requestId?: string;
  accountId?: string;
  serviceId?: string;
  domain?: string;
  proxyId?: string;
  revision?: string;
  epoch?: string;
  address?: string;
  port?: number;
  peerId?: string;
  target?: string;
  code?: string;
  reason?: string;
  file?: string;
  waitMs?: number;
  durationMs?: number;
  count?: number;
  err?: unknown;
}

/** JSON lines on standard output; messages are constant, everything that varies is a field. */
export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: { component: "proxy" },
    // A second net: nothing logs these, and if something ever does, they do not reach the disk.
    redact: {
      paths: [
        "token",
        "*.token",
        "authToken",
        "*.authToken",
        "privateKey",
        "*.privateKey",
        "cookie",
        "*.cookie",
      ],
      censor: "[removed]",
    },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
