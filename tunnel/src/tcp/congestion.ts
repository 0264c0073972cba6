/** RFC 6928. */
export const INITIAL_WINDOW_SEGMENTS = 10;
const MIN_WINDOW_SEGMENTS = 2;

/** CUBIC constants (RFC 9438 §4.1, §4.6). */
const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;
const RENO_FRIENDLY_ALPHA = (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA);

/** HyStart++ constants (RFC 9406 §4.3). */
const HYSTART_MIN_THRESHOLD_MS = 4;
const HYSTART_MAX_THRESHOLD_MS = 16;
const HYSTART_MIN_SAMPLES = 8;
const HYSTART_GROWTH_DIVISOR = 4;
const HYSTART_ROUNDS = 5;

/**
 * How much may be in flight: CUBIC (RFC 9438) with HyStart++ (RFC 9406). Windows are bytes, times milliseconds. It hears
 * about acknowledgements and losses; what counts as lost is decided elsewhere.
 */
export class Congestion {
  #mss: number;
  #window: number;
  #threshold = Number.POSITIVE_INFINITY;
  /** Window before the last reduction, bytes. */
  #windowMax = 0;
  #epochStartMs = -1;
  #epochWindow = 0;
  #timeToMaxMs = 0;
  #renoWindow = 0;
  #beforeLoss = { window: 0, threshold: 0, windowMax: 0 };

  #roundEnd = 0;
  #roundKnown = false;
  #roundMinMs = Number.POSITIVE_INFINITY;
  #lastRoundMinMs = Number.POSITIVE_INFINITY;
  #roundSamples = 0;
  #conservative = false;
  #conservativeBaselineMs = Number.POSITIVE_INFINITY;
  #conservativeRounds = 0;

  constructor(mss: number) {
    this.#mss = mss;
    this.#window = INITIAL_WINDOW_SEGMENTS * mss;
  }

  /** Bytes that may be in flight. */
  get window(): number {
    return this.#window;
  }

  get threshold(): number {
    return this.#threshold;
  }

  /** Recovery moves the window by its own rules (PRR) between `lose` and the end of recovery. */
  setWindow(bytes: number): void {
    this.#window = Math.max(bytes, this.#mss);
  }

  setMss(mss: number): void {
    this.#window = Math.max((this.#window / this.#mss) * mss, MIN_WINDOW_SEGMENTS * mss);
    this.#mss = mss;
  }

  /**
   * Bytes were acknowledged outside of recovery, and the window was in full use.
   * @param sequenceSent where the connection is, for counting rounds
   * @param sequenceAcked the newest acknowledged sequence number
   */
  grow(
    ackedBytes: number,
    rttMs: number,
    smoothedRttMs: number,
    nowMs: number,
    sequenceAcked: number,
    sequenceSent: number,
  ): void {
    if (this.#window < this.#threshold) {
      this.#slowStart(ackedBytes, rttMs, sequenceAcked, sequenceSent);
    } else {
      this.#cubic(ackedBytes, smoothedRttMs, nowMs);
    }
  }

  /** Loss was detected: at most once per window. */
  lose(): void {
    this.#beforeLoss = { window: this.#window, threshold: this.#threshold, windowMax: this.#windowMax };
    this.#endEpoch();
    // Fast convergence (RFC 9438 §4.7): a flow that shrinks twice in a row makes room for others sooner.
    this.#windowMax = this.#window < this.#windowMax ? (this.#window * (1 + CUBIC_BETA)) / 2 : this.#window;
    this.#threshold = Math.max(this.#window * CUBIC_BETA, MIN_WINDOW_SEGMENTS * this.#mss);
  }

  /** The latest loss was none: everything that was sent again had arrived before. */
  undoLoss(): void {
    const { window, threshold, windowMax } = this.#beforeLoss;
    this.#window = Math.max(this.#window, window);
    this.#threshold = threshold;
    this.#windowMax = windowMax;
    this.#endEpoch();
  }

  /** The retransmission timer expired: everything in flight counts as lost. */
  timeOut(): void {
    this.lose();
    this.#window = this.#mss;
    this.#roundKnown = false;
  }

  /** Nothing was sent for `idleMs`: what we knew of the path ages by half per timeout (RFC 5681 §4.1, RFC 2861). */
  idle(idleMs: number, rtoMs: number): void {
    const floor = Math.min(this.#window, INITIAL_WINDOW_SEGMENTS * this.#mss);
    const halvings = Math.min(30, Math.floor(idleMs / rtoMs));
    if (halvings === 0) return;
    this.#threshold = Math.max(this.#threshold, this.#window * 0.75);
    this.#window = Math.max(floor, this.#window / 2 ** halvings);
    this.#endEpoch();
  }

  #endEpoch(): void {
    this.#epochStartMs = -1;
    this.#conservative = false;
  }

  #slowStart(ackedBytes: number, rttMs: number, sequenceAcked: number, sequenceSent: number): void {
    if (!this.#roundKnown || ((sequenceAcked - this.#roundEnd) | 0) >= 0) {
      this.#startRound(sequenceSent);
    }
    if (rttMs > 0) {
      this.#roundMinMs = Math.min(this.#roundMinMs, rttMs);
      this.#roundSamples += 1;
    }
    if (this.#conservative) {
      this.#window += ackedBytes / HYSTART_GROWTH_DIVISOR;
      if (this.#roundSamples >= HYSTART_MIN_SAMPLES && this.#roundMinMs < this.#conservativeBaselineMs) {
        // The delay went away again: it was noise, not a queue of ours.
        this.#conservative = false;
      }
      return;
    }
    this.#window += ackedBytes;
    if (this.#roundSamples < HYSTART_MIN_SAMPLES || this.#lastRoundMinMs === Number.POSITIVE_INFINITY) return;
    const thresholdMs = Math.max(
      HYSTART_MIN_THRESHOLD_MS,
      Math.min(this.#lastRoundMinMs / 8, HYSTART_MAX_THRESHOLD_MS),
    );
    if (this.#roundMinMs >= this.#lastRoundMinMs + thresholdMs) {
      this.#conservative = true;
      this.#conservativeBaselineMs = this.#roundMinMs;
      this.#conservativeRounds = 0;
    }
  }

  #startRound(sequenceSent: number): void {
    if (this.#conservative && this.#roundKnown) {
      this.#conservativeRounds += 1;
      if (this.#conservativeRounds >= HYSTART_ROUNDS) {
        this.#threshold = this.#window;
        this.#conservative = false;
      }
    }
    this.#roundKnown = true;
    this.#roundEnd = sequenceSent;
    this.#lastRoundMinMs = this.#roundMinMs;
    this.#roundMinMs = Number.POSITIVE_INFINITY;
    this.#roundSamples = 0;
  }

  #cubic(ackedBytes: number, smoothedRttMs: number, nowMs: number): void {
    const mss = this.#mss;
    if (this.#epochStartMs < 0) {
      this.#epochStartMs = nowMs;
      this.#epochWindow = this.#window;
      this.#renoWindow = this.#window;
      const missingSegments = (this.#windowMax - this.#window) / mss;
      this.#timeToMaxMs = missingSegments > 0 ? Math.cbrt(missingSegments / CUBIC_C) * 1000 : 0;
      if (missingSegments <= 0) this.#windowMax = this.#epochWindow;
    }
    const elapsedMs = nowMs - this.#epochStartMs;
    const target = this.#cubicWindow(elapsedMs + smoothedRttMs);
    const alpha = this.#renoWindow >= this.#windowMax ? 1 : RENO_FRIENDLY_ALPHA;
    this.#renoWindow += (alpha * mss * ackedBytes) / this.#window;
    if (this.#cubicWindow(elapsedMs) < this.#renoWindow) {
      this.#window = Math.max(this.#window, this.#renoWindow);
      return;
    }
    const bounded = Math.max(this.#window, Math.min(target, this.#window * 1.5));
    this.#window += ((bounded - this.#window) * ackedBytes) / this.#window;
  }

  #cubicWindow(elapsedMs: number): number {
    const seconds = (elapsedMs - this.#timeToMaxMs) / 1000;
    return CUBIC_C * seconds * seconds * seconds * this.#mss + this.#windowMax;
  }
}
