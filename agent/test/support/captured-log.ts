import { pino } from "pino";
import type { Logger } from "../../src/log.ts";

export interface CapturedLog {
  log: Logger;
  lines: Record<string, unknown>[];
  /** Lines with this message. */
  named(message: string): Record<string, unknown>[];
}

/** A real logger whose lines end up in an array. */
export function captureLog(): CapturedLog {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: "debug", base: null, formatters: { level: (label) => ({ level: label }) } },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  return { log, lines, named: (message) => lines.filter(({ msg }) => msg === message) };
}
