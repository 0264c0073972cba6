import { AppError } from "@netbird-proxy/proto";
import type { Logger } from "pino";
import { type AccessLogEntry, insertAccessLogs } from "../../store/access-logs.ts";
import type { Db } from "../../store/transaction.ts";

export interface AccessLogWriter {
  /** Resolves when the entries are stored. @throws AppError `access_logs.overloaded` when too many wait already */
  write(entries: readonly AccessLogEntry[]): Promise<void>;
  /** Stores what is waiting. */
  close(): Promise<void>;
}

interface Waiting {
  entries: readonly AccessLogEntry[];
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Stock proxies send one call per request; entries that come within `windowMs` share one insert. Batches are stored one
 * after the other, each in a statement of its own, so that other writers get their turn in between.
 */
export function createAccessLogWriter(
  db: Db,
  log: Pick<Logger, "error">,
  { windowMs = 50, enough = 200, maxWaiting = 20_000 } = {},
): AccessLogWriter {
  let waiting: Waiting[] = [];
  /** Entries in `waiting`, and those that are not stored yet at all. */
  let collected = 0;
  let unstored = 0;
  let timer: NodeJS.Timeout | undefined;
  let flushing = Promise.resolve();

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    const entries = batch.flatMap((one) => one.entries);
    waiting = [];
    collected = 0;
    flushing = flushing.then(async () => {
      if (entries.length === 0) return;
      try {
        await insertAccessLogs(db, entries);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        log.error({ err: error, count: entries.length }, "access log entries could not be stored");
        for (const { reject } of batch) reject(error);
      } finally {
        unstored -= entries.length;
      }
    });
    return flushing;
  }

  return {
    write: (entries) =>
      new Promise((resolve, reject) => {
        if (unstored + entries.length > maxWaiting) {
          reject(
            new AppError(
              "access_logs.overloaded",
              `${unstored} access log entries wait to be stored already`,
            ),
          );
          return;
        }
        waiting.push({ entries, resolve, reject });
        collected += entries.length;
        unstored += entries.length;
        if (collected >= enough) void flush();
        else timer ??= setTimeout(() => void flush(), windowMs);
      }),
    close: flush,
  };
}
