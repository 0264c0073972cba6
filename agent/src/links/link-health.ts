/** What the tunnel knows about one peer at one moment. */
export interface LinkObservation {
  nowMs: number;
  /** Milliseconds since the epoch; undefined before the first handshake since the link was last renewed. */
  latestHandshakeMs: number | undefined;
  rxBytes: number;
}

/** `ask`: send an echo request and say how it went. `renew`: resolve the endpoint and start over with a new handshake. */
export type LinkAction = "none" | "ask" | "renew";

/** A link that heard nothing for so long is asked for a sign of life. */
export const SILENCE_MS = 1_500;
/** So many unanswered questions in a row, with nothing else heard, and the other side has lost our session. */
export const MAX_MISSED = 3;
/** Time for an answer: several round trips, at least this. */
const MIN_ANSWER_MS = 400;
const MAX_ANSWER_MS = 2_000;
const ANSWER_ROUND_TRIPS = 4;
/** Waiting times for a handshake. WireGuard itself tries again after 5 s; a proxy that restarts is back sooner. */
const RETRY_MS = [1_000, 1_000, 2_000, 3_000, 5_000];

/**
 * Decides when a link to a proxy is up, when to ask for a sign of life, and when to start over.
 *
 * WireGuard alone would notice a restarted proxy late: keepalives are not answered, so a session that only the agent
 * remembers lives on until it is two minutes old, and the proxy cannot dial a peer behind NAT. Pure: time and randomness are
 * arguments.
 */
export class LinkHealth {
  readonly #random: () => number;
  #startedMs: number;
  #retryMs = 0;
  #attempts = 0;
  #up = false;
  #rxBytes = 0;
  #heardMs = 0;
  #asking = false;
  #missed = 0;
  /** Smoothed; undefined before the first answer. */
  #roundTripMs: number | undefined;
  /** Once a question was answered, silence means something; a proxy that drops ICMP is left to WireGuard's timers. */
  #answers = false;

  /** @param random 0 (inclusive) to 1 (exclusive) */
  constructor(nowMs: number, random: () => number) {
    this.#random = random;
    this.#startedMs = nowMs;
    // The first attempt itself begins with `renewed`, which schedules the next.
    this.#retryMs = RETRY_MS[0]!;
  }

  get up(): boolean {
    return this.#up;
  }

  observe({ nowMs, latestHandshakeMs, rxBytes }: LinkObservation): LinkAction {
    if (rxBytes !== this.#rxBytes) {
      this.#rxBytes = rxBytes;
      this.#heard(nowMs);
    }
    if (!this.#up) {
      if (latestHandshakeMs !== undefined) {
        this.#up = true;
        this.#attempts = 0;
        this.#heard(nowMs);
        return "none";
      }
      return nowMs - this.#startedMs >= this.#retryMs ? "renew" : "none";
    }
    if (this.#missed >= MAX_MISSED) return "renew";
    return !this.#asking && nowMs - this.#heardMs >= SILENCE_MS ? "ask" : "none";
  }

  /**
   * The caller sends the echo request.
   *
   * @returns how long to wait for the answer, milliseconds
   */
  asked(): number {
    this.#asking = true;
    const patientMs =
      this.#roundTripMs === undefined ? MAX_ANSWER_MS : this.#roundTripMs * ANSWER_ROUND_TRIPS;
    return Math.min(MAX_ANSWER_MS, Math.max(MIN_ANSWER_MS, patientMs));
  }

  answered(nowMs: number, roundTripMs: number): void {
    this.#asking = false;
    this.#answers = true;
    // RFC 6298 (2.3): an eighth of the new measurement.
    this.#roundTripMs =
      this.#roundTripMs === undefined ? roundTripMs : (this.#roundTripMs * 7 + roundTripMs) / 8;
    this.#heard(nowMs);
  }

  missed(nowMs: number): void {
    this.#asking = false;
    if (this.#answers) this.#missed += 1;
    // Not asked again at once by a link whose questions are never answered.
    else this.#heardMs = nowMs;
  }

  /** The caller starts over. */
  renewed(nowMs: number): void {
    if (this.#up) this.#attempts = 0;
    this.#up = false;
    this.#missed = 0;
    this.#asking = false;
    this.#startedMs = nowMs;
    this.#rxBytes = 0;
    this.#schedule();
  }

  /** There is news about the proxy: one that is down is tried soon again, one that is up is asked at once. */
  hurry(): void {
    if (this.#up) {
      this.#heardMs = Number.NEGATIVE_INFINITY;
      return;
    }
    this.#attempts = 0;
    this.#schedule();
  }

  #heard(nowMs: number): void {
    this.#heardMs = nowMs;
    this.#missed = 0;
  }

  #schedule(): void {
    const fullMs = RETRY_MS[Math.min(this.#attempts, RETRY_MS.length - 1)]!;
    this.#attempts += 1;
    this.#retryMs = fullMs * (1 + this.#random() / 4);
  }
}
