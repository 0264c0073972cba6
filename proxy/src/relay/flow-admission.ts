import { addressBlock } from "../access/address-block.ts";
import { RequestRates } from "../access/request-rates.ts";

const perSecond = (rate: number, burst: number) =>
  ({ perMinute: rate * 60, burst, mode: "enforce" }) as const;

/** New flows of one address. */
const EACH = perSecond(50, 100);
/** New flows of all addresses that have never held a conversation. */
const STRANGERS = perSecond(1000, 1000);
/** New flows of all those that have. */
const KNOWN = perSecond(1000, 1000);
const MAX_KNOWN = 10_000;
const MAX_ADDRESSES = 10_000;

/**
 * How many flows of a UDP port may be opened. Source addresses are easily forged, so an address counts for something only
 * after it reacted to an answer, which a forger does not get to see. Such addresses have a budget of their own, which
 * strangers, however many, cannot use up.
 */
export class FlowAdmission {
  readonly #rates = new RequestRates(MAX_ADDRESSES);
  readonly #totals = new RequestRates();
  /** Longest silent first. */
  readonly #known = new Set<string>();

  /** @param nowMs monotonic */
  admit(address: string, nowMs: number): boolean {
    const isKnown = this.#known.has(addressBlock(address));
    // First, so that one address cannot use up what is there for all.
    if (this.#rates.take("", address, EACH, nowMs) > 0) return false;
    return this.#totals.take("", isKnown ? "known" : "strangers", isKnown ? KNOWN : STRANGERS, nowMs) === 0;
  }

  /** The address reacted to an answer. */
  proven(address: string): void {
    const block = addressBlock(address);
    this.#known.delete(block);
    this.#known.add(block);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.values().next().value!);
  }
}
