import { errorCode } from "./dial.ts";

/** So many connections have to fail in a row before others stop trying. */
const FAILURES_TO_OPEN = 3;
/** Between two trials. */
const TRIAL_PAUSE_MS = 250;

/**
 * Keeps requests from queueing for a target that takes no connections: after a few failures in a row one request at a
 * time may try, a moment after the one before, and the others fail at once with the same reason. Only connections count:
 * what a target does with a request is in the visitor's hands, and nobody's visitor shall close a service for others.
 */
export class Circuit {
  #failures = 0;
  #dialling = 0;
  #failedMs = Number.NEGATIVE_INFINITY;
  #error: Error | undefined;

  get isOpen(): boolean {
    return this.#failures >= FAILURES_TO_OPEN;
  }

  /**
   * Asks to connect; whoever is let through says how it went.
   *
   * @param nowMs monotonic
   * @param reachedMs when the target was last seen to take a connection or to answer
   */
  admit(nowMs: number, reachedMs: number): boolean {
    // A target that takes connections may still fail every TLS handshake, which no probe tries.
    if (this.isOpen && reachedMs > this.#failedMs && !isTls(this.#error)) this.#failures = 0;
    if (this.isOpen && (this.#dialling > 0 || nowMs - this.#failedMs < TRIAL_PAUSE_MS)) return false;
    this.#dialling += 1;
    return true;
  }

  succeeded(): void {
    this.#dialling -= 1;
    this.#failures = 0;
    this.#error = undefined;
  }

  failed(error: Error, nowMs: number): void {
    this.#dialling -= 1;
    this.#failures += 1;
    this.#failedMs = nowMs;
    this.#error = error;
  }

  /** What whoever is not let through gets: the failure of the one before. */
  refusal(): Error {
    const before = this.#error;
    return Object.assign(new Error(`not tried, because just now: ${before?.message}`), {
      code: errorCode(before),
      tls: isTls(before),
      untried: true,
    });
  }
}

function isTls(error: Error | undefined): boolean {
  return (error as { tls?: boolean } | undefined)?.tls === true;
}
