import { type Logger, pino } from "pino";
import type { LogLevel } from "./config.ts";

/** JSON lines on standard output. Secrets are never fields; the redaction is a second net. */
export function createLog(level: LogLevel): Logger {
  return pino({
    level,
    base: undefined,
    formatters: { level: (label) => ({ level: label }) },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: [
      "*.password",
      "*.pin",
      "*.token",
      "*.authorization",
      "*.privateKey",
      "*.private_key",
      "*.presharedKey",
    ],
  });
}
