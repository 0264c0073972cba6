import type { Logger } from "pino";
import { type AccessLogEntry, insertAccessLogs } from "../../store/access-logs.ts";
import type { Db } from "../../store/transaction.ts";

export interface AccessLogWriter {
  /** Resolves when the entry is stored. */
  write(entry: AccessLogEntry): Promise<void>;
  /** Stores what is waiting. */
  close(): Promise<void>;
}

interface Waiting {
  entry: AccessLogEntry;
  resolve(): void;
  reject(error: unknown): void;
}

/** Proxies send one call per request; entries that come within `windowMs` share one insert. */
export function createAccessLogWriter(
  db: Db,
  log: Pick<Logger, "error">,
  { windowMs = 50, maxBatch = 1_000 } = {},
): AccessLogWriter {
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  let flushing = Promise.resolve();

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    flushing = flushing.then(async () => {
      if (batch.length === 0) return;
      try {
        await insertAccessLogs(
          db,
          batch.map(({ entry }) => entry),
        );
        for (const { resolve } of batch) resolve();
      } catch (error) {
        log.error({ err: error, count: batch.length }, "access log entries could not be stored");
        for (const { reject } of batch) reject(error);
      }
    });
    return flushing;
  }

  return {
    write: (entry) =>
      new Promise((resolve, reject) => {
        waiting.push({ entry, resolve, reject });
        if (waiting.length >= maxBatch) void flush();
        else timer ??= setTimeout(() => void flush(), windowMs);
      }),
    close: flush,
  };
}
