import type { Logger } from "pino";
import { noteAppliedRevision } from "../../store/proxies.ts";
import type { Db } from "../../store/transaction.ts";

/** Writes down which revision each proxy has applied. */
export interface ProgressWriter {
  applied(sessionId: string, revision: number): void;
  /** Resolves when what was said so far is written. */
  flush(): Promise<void>;
}

/** All proxies of a cluster acknowledge a change within a moment: what comes within `windowMs` is one statement. */
export function createProgressWriter(
  db: Db,
  log: Pick<Logger, "error">,
  { windowMs = 10 } = {},
): ProgressWriter {
  let waiting = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const taken = waiting;
    waiting = new Map();
    writing = writing.then(async () => {
      const sessions = new Map<number, string[]>();
      for (const [sessionId, revision] of taken) {
        const others = sessions.get(revision);
        if (others) others.push(sessionId);
        else sessions.set(revision, [sessionId]);
      }
      for (const [revision, ids] of sessions) await noteAppliedRevision(db, ids, revision);
    });
    writing = writing.catch((error) => log.error({ err: error }, "acknowledgements could not be noted"));
    return writing;
  }

  return {
    applied(sessionId, revision) {
      waiting.set(sessionId, Math.max(revision, waiting.get(sessionId) ?? 0));
      timer ??= setTimeout(() => void flush(), windowMs);
    },
    flush,
  };
}
