import type { Logger } from "../log.ts";

/** The same event of the same subject is written once per interval, with how often it happened meanwhile. */
export class ThrottledLog {
  readonly #log: Logger;
  readonly #nowMs: () => number;
  readonly #intervalMs: number;
  readonly #seen = new Map<string, { atMs: number; suppressed: number }>();

  constructor(log: Logger, nowMs: () => number, intervalMs = 30_000) {
    this.#log = log;
    this.#nowMs = nowMs;
    this.#intervalMs = intervalMs;
  }

  warn(key: string, fields: Record<string, unknown>, message: string): void {
    const now = this.#nowMs();
    const seen = this.#seen.get(key);
    if (seen !== undefined && now - seen.atMs < this.#intervalMs) {
      seen.suppressed += 1;
      return;
    }
    // Keys come from the network: a scan over all ports must not fill the memory.
    if (this.#seen.size >= 1_024) this.#seen.clear();
    this.#seen.set(key, { atMs: now, suppressed: 0 });
    this.#log.warn(seen?.suppressed ? { ...fields, count: seen.suppressed + 1 } : fields, message);
  }
}
