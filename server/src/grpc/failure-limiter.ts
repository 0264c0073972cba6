export interface FailureLimiterOptions {
  /** So many failures in a row are answered as what they are. */
  burst: number;
  /** One more is allowed after each. */
  refillMs: number;
  /** Keys that are remembered at most; the one that failed longest ago goes first. */
  maxKeys?: number;
}

/** Counts failures per key. Successes neither cost nor are ever refused: the caller asks only after a failure. */
export interface FailureLimiter {
  /** Notes a failure. @returns false when the key has used up its budget */
  failed(key: string, nowMs: number): boolean;
  /** True while the key has no budget left. */
  isExhausted(key: string, nowMs: number): boolean;
}

export function createFailureLimiter({
  burst,
  refillMs,
  maxKeys = 10_000,
}: FailureLimiterOptions): FailureLimiter {
  /** Failures that still count, as of a time; in the order of the latest failure. */
  const buckets = new Map<string, { level: number; atMs: number }>();

  function levelOf(key: string, nowMs: number): number {
    const bucket = buckets.get(key);
    return bucket ? Math.max(0, bucket.level - (nowMs - bucket.atMs) / refillMs) : 0;
  }

  return {
    failed(key, nowMs) {
      const level = levelOf(key, nowMs) + 1;
      // What is refused costs nothing more, so that a flood ends with its last try.
      if (level > burst) return false;
      buckets.delete(key);
      buckets.set(key, { level, atMs: nowMs });
      if (buckets.size > maxKeys) buckets.delete(buckets.keys().next().value!);
      return true;
    },
    isExhausted: (key, nowMs) => levelOf(key, nowMs) > burst - 1,
  };
}
