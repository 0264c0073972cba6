import { addressBlock } from "./address-block.ts";

/** How many requests one address may make. */
export interface RequestRate {
  readonly perMinute: number;
  readonly burst: number;
  readonly mode: "enforce" | "observe";
}

interface Bucket {
  /** Requests that are left. */
  left: number;
  atMs: number;
}

const DEFAULT_MAX_BUCKETS = 200_000;

/**
 * Counts requests per service and address with token buckets. Memory is bounded: whoever has not come for longest is
 * forgotten first, and has a full bucket when coming back.
 */
export class RequestRates {
  readonly #buckets = new Map<string, Bucket>();
  readonly #maxBuckets: number;

  constructor(maxBuckets = DEFAULT_MAX_BUCKETS) {
    this.#maxBuckets = maxBuckets;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** @returns 0 when the request is within the rate, which it then counts towards; otherwise the seconds to wait */
  take(serviceId: string, address: string, { perMinute, burst }: RequestRate, nowMs: number): number {
    const key = `${serviceId} ${addressBlock(address)}`;
    const known = this.#buckets.get(key);
    const left =
      known === undefined ? burst : Math.min(burst, known.left + ((nowMs - known.atMs) * perMinute) / 60_000);
    // Put at the end again: the map is in the order of use.
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: left >= 1 ? left - 1 : left, atMs: nowMs });
    if (this.#buckets.size > this.#maxBuckets) this.#buckets.delete(this.#buckets.keys().next().value!);
    return left >= 1 ? 0 : Math.ceil(((1 - left) * 60) / perMinute);
  }
}
