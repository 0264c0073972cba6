import type { LogLevel } from "./config.ts";
import type { Log } from "./framework/resource.ts";

const RANK = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, off: 5 } as const;

/**
 * Writes Terraform's log lines to stderr.
 * Terraform crashes when `@message` is not text, and drops the level of a line whose time has not six digits.
 */
export function makeLog(level: LogLevel, write: (line: string) => void): Log {
  return (lineLevel, message, fields) => {
    if (RANK[lineLevel] < RANK[level]) return;
    const line: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields ?? {}))
      line[name] = typeof value === "bigint" ? value.toString() : value;
    line["@level"] = lineLevel;
    line["@message"] = String(message);
    line["@module"] = "provider";
    line["@timestamp"] = new Date().toISOString().replace("Z", "000Z");
    write(`${JSON.stringify(line)}\n`);
  };
}
