/** RFC 6298 (2.1): before the first measurement. */
export const INITIAL_RTO_MS = 1000;
/** Below the RFC's one second, as Linux does: with 200 ms a lost tail does not cost a visible second. */
export const MIN_RTO_MS = 200;
/** RFC 6298 (2.5) allows a ceiling of 60 s or more. */
export const MAX_RTO_MS = 60_000;

/** Round-trip times of one connection and the timeout that follows from them (RFC 6298 §2). Milliseconds throughout. */
export class RoundTripTime {
  #smoothedMs = 0;
  #variationMs = 0;
  #rtoMs = INITIAL_RTO_MS;
  #backoff = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #minSinceMs = 0;
  #latestMs = 0;

  get measured(): boolean {
    return this.#smoothedMs > 0;
  }

  /** 0 before the first sample. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /** Smallest sample of the last minutes; Infinity before the first. */
  get minMs(): number {
    return this.#minMs;
  }

  get latestMs(): number {
    return this.#latestMs;
  }

  /** How often in a row the timer expired without an acknowledgement. */
  get backoffs(): number {
    return this.#backoff;
  }

  /** Takes a measurement that is not from a retransmitted segment (Karn). */
  sample(rttMs: number, nowMs: number): void {
    // A clock of coarse resolution can measure zero, which would read as "never measured".
    const rtt = Math.max(rttMs, 0.01);
    this.#latestMs = rtt;
    if (rtt <= this.#minMs || nowMs - this.#minSinceMs > MIN_RTT_WINDOW_MS) {
      this.#minMs = rtt;
      this.#minSinceMs = nowMs;
    }
    if (this.#smoothedMs === 0) {
      this.#smoothedMs = rtt;
      this.#variationMs = rtt / 2;
    } else {
      this.#variationMs += (Math.abs(this.#smoothedMs - rtt) - this.#variationMs) / 4;
      this.#smoothedMs += (rtt - this.#smoothedMs) / 8;
    }
    this.#rtoMs = Math.max(MIN_RTO_MS, Math.min(MAX_RTO_MS, this.#smoothedMs + 4 * this.#variationMs));
  }

  /** The timeout to arm now, with the doublings of (5.5). */
  get rtoMs(): number {
    return backedOffMs(this.#rtoMs, this.#backoff);
  }

  /** The timer expired. */
  backOff(): void {
    this.#backoff += 1;
  }

  /** New data was acknowledged: (5.7) says to go on from the measured value. */
  progress(): void {
    this.#backoff = 0;
  }
}
const MIN_RTT_WINDOW_MS = 300_000;

/**
 * The retransmission timeout after `backoffs` expiries with no acknowledgement.
 * Source: RFC 6298 (5.5), doubling; (2.5), a ceiling.
 *
 * @param rtoMs the timeout measured before the first expiry
 * @returns milliseconds, at most {@link MAX_RTO_MS}
 */
export function backedOffMs(rtoMs: number, backoffs: number): number {
  return Math.min(MAX_RTO_MS, rtoMs * 2 ** Math.min(backoffs, 16));
}
