/** Holds every request back while the server has told one of them to wait. */
export class ThrottleGate {
  #openAtMs = 0;

  /** Nothing passes before that time. An earlier end never shortens a later one. */
  closeUntil(ms: number): void {
    this.#openAtMs = Math.max(this.#openAtMs, ms);
  }

  /** How long a request must wait now, in milliseconds. */
  waitMs(nowMs: number): number {
    return Math.max(0, this.#openAtMs - nowMs);
  }
}
