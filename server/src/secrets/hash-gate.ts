import { AppError } from "@netbird-proxy/proto";

/** Argon2 takes 19 MiB and a thread each: so many run at once, and so many may wait. */
export interface HashGateOptions {
  running: number;
  waiting: number;
}

/** @throws AppError `auth.rate_limited` when the queue is full: the server's memory is not the visitors' to fill */
export function createHashGate({ running, waiting }: HashGateOptions) {
  let active = 0;
  const queue: (() => void)[] = [];
  return async function pass<T>(work: () => Promise<T>): Promise<T> {
    if (active >= running) {
      if (queue.length >= waiting) {
        throw new AppError("auth.rate_limited", "too many sign-ins at once", {
          hint: "Try again in a few seconds.",
          retryAfterSeconds: 5,
        });
      }
      await new Promise<void>((resolve) => queue.push(resolve));
    }
    active += 1;
    try {
      return await work();
    } finally {
      active -= 1;
      queue.shift()?.();
    }
  };
}
