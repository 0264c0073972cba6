import { AppError } from "@netbird-proxy/proto";

/** Argon2 takes 19 MiB and a thread each: so many run at once, and so many may wait. */
export interface HashGateOptions {
  running: number;
  waiting: number;
  /** Of one kind of work (a service, say) so many may wait; all when not given. */
  waitingEach?: number;
}

/**
 * Lets a few through at once. Kinds of work take turns, so that a flood of one does not keep the others waiting.
 *
 * @throws AppError `auth.rate_limited` when the queue is full: the server's memory is not the visitors' to fill
 */
export function createHashGate({ running, waiting, waitingEach = waiting }: HashGateOptions) {
  let active = 0;
  let queued = 0;
  /** In the order of their turns. */
  const queues = new Map<string, (() => void)[]>();

  return async function pass<T>(work: () => Promise<T>, kind = ""): Promise<T> {
    if (active >= running) await turn(kind);
    else active += 1;
    try {
      return await work();
    } finally {
      letNextIn();
    }
  };

  function turn(kind: string): Promise<void> {
    const queue = queues.get(kind) ?? [];
    if (queued >= waiting || queue.length >= waitingEach) {
      throw new AppError("auth.rate_limited", "too many sign-ins at once", {
        hint: "Try again in a few seconds.",
        retryAfterSeconds: 5,
      });
    }
    queues.set(kind, queue);
    queued += 1;
    return new Promise((resolve) => queue.push(resolve));
  }

  /** Hands the place over, so that nobody can slip in between. */
  function letNextIn(): void {
    const [next] = queues;
    if (next === undefined) {
      active -= 1;
      return;
    }
    const [kind, queue] = next;
    const resolve = queue.shift()!;
    queued -= 1;
    queues.delete(kind);
    if (queue.length > 0) queues.set(kind, queue);
    resolve();
  }
}
