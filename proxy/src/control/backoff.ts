export interface BackoffOptions {
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

const defaults: BackoffOptions = { initialMs: 800, factor: 1.7, maxMs: 10_000 };

/** Growing waits with full jitter, so that a thousand proxies do not come back in the same second. */
export class Backoff {
  readonly #options: BackoffOptions;
  readonly #random: () => number;
  #intervalMs: number;

  constructor(options: Partial<BackoffOptions> = {}, random: () => number = Math.random) {
    this.#options = { ...defaults, ...options };
    this.#random = random;
    this.#intervalMs = this.#options.initialMs;
  }

  /** @param atLeastMs for failures that are known to take longer */
  nextMs(atLeastMs = 0): number {
    const waitMs = this.#random() * this.#intervalMs * 2;
    this.#intervalMs = Math.min(this.#intervalMs * this.#options.factor, this.#options.maxMs);
    return Math.max(Math.round(waitMs), atLeastMs, 50);
  }

  /** To be called when the other side has accepted us, not when a connection merely stands. */
  reset(): void {
    this.#intervalMs = this.#options.initialMs;
  }
}
