import { isIP } from "node:net";

const BURST = 10;
const REFILL_MS = 6000;
const MAX_ENTRIES = 20_000;

/**
 * Limits wrong credentials per service and address: ten at once, then one every six seconds. Only failures count, so
 * that nobody who knows the secret is kept out by it; each attempt costs the server a slow hash.
 */
export class AttemptLimiter {
  readonly #entries = new Map<string, { failures: number; atMs: number }>();

  /** @returns 0 when an attempt may be made, else the seconds to wait */
  waitSeconds(serviceId: string, address: string, nowMs: number): number {
    const entry = this.#entries.get(key(serviceId, address));
    if (entry === undefined) return 0;
    const left = entry.failures - (nowMs - entry.atMs) / REFILL_MS;
    return left <= BURST - 1 ? 0 : Math.ceil(((left - BURST + 1) * REFILL_MS) / 1000);
  }

  /**
   * Counts an attempt as wrong, before its outcome is known: a hundred at the same moment must not all pass.
   * {@link refund} takes it back.
   */
  count(serviceId: string, address: string, nowMs: number): void {
    const id = key(serviceId, address);
    const entry = this.#entries.get(id);
    const left = entry === undefined ? 0 : Math.max(0, entry.failures - (nowMs - entry.atMs) / REFILL_MS);
    this.#entries.delete(id);
    this.#entries.set(id, { failures: left + 1, atMs: nowMs });
    if (this.#entries.size > MAX_ENTRIES) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
  }

  /** The attempt was right, or could not be checked. */
  refund(serviceId: string, address: string): void {
    const entry = this.#entries.get(key(serviceId, address));
    if (entry !== undefined) entry.failures = Math.max(0, entry.failures - 1);
  }
}

/** One IPv6 host has a whole /64 to itself. */
function key(serviceId: string, address: string): string {
  if (isIP(address) !== 6) return `${serviceId} ${address}`;
  const [head = "", tail] = address.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return `${serviceId} ${groups.slice(0, 4).join(":")}`;
}
