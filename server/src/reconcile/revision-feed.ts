import type { Logger } from "pino";
import type { Store } from "../store/open.ts";
import { currentRevision, type RevisionEntry, readRevisionsAfter } from "../store/revisions.ts";

/** Follows the revision log and hands every entry to every listener once, in order. */
export interface RevisionFeed {
  /** Newest revision that listeners have seen. */
  position(): number;
  /** @returns the function that stops listening */
  onEntries(listener: (entries: readonly RevisionEntry[]) => void): () => void;
  /** Called after every change signal, also when the log did not grow. */
  onWake(listener: () => void): () => void;
  close(): Promise<void>;
}

export interface RevisionFeedOptions {
  store: Pick<Store, "db" | "changes">;
  log: Pick<Logger, "error">;
  /** How soon changes of other processes on the same database are seen. */
  pollMs?: number;
}

const READ_AT_ONCE = 1_000;

/** Starts at the end of the log. The in-process signal only shortens the wait: everything comes from the log. */
export async function followRevisions({
  store: { db, changes },
  log,
  pollMs = 1_000,
}: RevisionFeedOptions): Promise<RevisionFeed> {
  const entryListeners = new Set<(entries: readonly RevisionEntry[]) => void>();
  const wakeListeners = new Set<() => void>();
  let position = await currentRevision(db);
  let closed = false;
  let running: Promise<void> | undefined;
  let again = false;

  async function readOn(): Promise<void> {
    do {
      again = false;
      for (;;) {
        const entries = await readRevisionsAfter(db, position, READ_AT_ONCE);
        if (closed || entries.length === 0) break;
        position = entries.at(-1)!.revision;
        for (const listener of [...entryListeners]) listener(entries);
      }
    } while (again && !closed);
  }

  function read(): void {
    if (closed) return;
    again = true;
    running ??= readOn()
      .catch((error: unknown) => {
        // The next poll tries again from the same position.
        if (!closed) log.error({ err: error }, "the revision log could not be read");
      })
      .finally(() => {
        running = undefined;
        // Asked for after the loop had looked for the last time.
        if (again) read();
      });
  }

  const stopListening = changes.onChange(() => {
    read();
    for (const listener of [...wakeListeners]) listener();
  });
  const poll = setInterval(read, pollMs);
  poll.unref();

  return {
    position: () => position,
    onEntries(listener) {
      entryListeners.add(listener);
      return () => entryListeners.delete(listener);
    },
    onWake(listener) {
      wakeListeners.add(listener);
      return () => wakeListeners.delete(listener);
    },
    async close() {
      closed = true;
      stopListening();
      clearInterval(poll);
      await running;
    },
  };
}
