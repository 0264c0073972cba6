export interface BackoffOptions {
  firstMs: number;
  capMs: number;
  /** 0 (inclusive) to 1 (exclusive). */
  random: () => number;
}

/**
 * Waiting times between attempts: doubling up to a cap, each shortened by up to half at random, so that agents that lost
 * one server do not come back in step.
 */
export class Backoff {
  readonly #options: BackoffOptions;
  #attempts = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Milliseconds until the next attempt. */
  nextMs(): number {
    const { firstMs, capMs, random } = this.#options;
    const fullMs = Math.min(capMs, firstMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts += 1;
    return Math.round(fullMs * (1 - random() / 2));
  }

  reset(): void {
    this.#attempts = 0;
  }
}
