import { RequestRates } from "./request-rates.ts";

/** Milder than a ban: the client gets through, but not as often as it likes. */
export type Suspicion = "captcha" | "throttle";

/** Of one address (a /64 of IPv6), over all services of this proxy. */
const rates = {
  /** Enough to read a page with what belongs to it, now and then. */
  throttle: { perMinute: 60, burst: 60, mode: "enforce" },
  /** Until somebody signs in, for who cannot show otherwise that there is a person. */
  captcha: { perMinute: 10, burst: 10, mode: "enforce" },
} as const;

/** Slows down clients that CrowdSec suspects. */
export class Suspects {
  readonly #rates = new RequestRates();

  /** @returns 0 when the client may go on, which counts; otherwise the seconds to wait */
  waitSeconds(suspicion: Suspicion, address: string, nowMs: number): number {
    return this.#rates.take(suspicion, address, rates[suspicion], nowMs);
  }
}
