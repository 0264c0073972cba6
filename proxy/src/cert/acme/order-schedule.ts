import type { IssueFailure } from "./problem.ts";

/** When a certificate is good, and when to get the next one. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface ScheduleOptions {
  /** Orders under way at the same time. */
  readonly maxInFlight: number;
  /** 0 up to 1, exclusive. */
  readonly random: () => number;
  readonly retry?: Partial<RetryTimes>;
}

export interface RetryTimes {
  /** First wait after a failure that the authority counts: five an hour stay below what Let's Encrypt allows. */
  countedMs: number;
  /** First wait after a failure that only says "not now". */
  otherMs: number;
  maxCountedMs: number;
  maxOtherMs: number;
}

const defaults: RetryTimes = {
  countedMs: 120_000,
  otherMs: 5_000,
  maxCountedMs: 6 * 3_600_000,
  maxOtherMs: 10 * 60_000,
};

interface Entry {
  /** Of the certificate in use. */
  held: Validity | undefined;
  /** When to order next; undefined while one is under way. */
  dueMs: number | undefined;
  failures: number;
  failure: IssueFailure | undefined;
}

export type NameState =
  | { kind: "ready"; held: Validity; failure: IssueFailure | undefined; nextMs: number | undefined }
  | { kind: "pending"; issuing: boolean }
  | { kind: "failed"; failure: IssueFailure; retryAtMs: number };

/**
 * Which name gets its order when: pending, issuing, ready until two thirds of the lifetime, failed until the retry.
 * Without clock and I/O: time comes in, names to order come out.
 */
export class OrderSchedule {
  readonly #options: ScheduleOptions;
  readonly #retry: RetryTimes;
  readonly #entries = new Map<string, Entry>();
  #inFlight = 0;
  /** The authority wants none of us before. */
  #pausedUntilMs = 0;
  #pausedFor: IssueFailure | undefined;
  #authorityFailures = 0;

  constructor(options: ScheduleOptions) {
    this.#options = options;
    this.#retry = { ...defaults, ...options.retry };
  }

  get names(): IterableIterator<string> {
    return this.#entries.keys();
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Names that wait for their turn. */
  waiting(nowMs: number): number {
    let count = 0;
    for (const { dueMs } of this.#entries.values()) if (dueMs !== undefined && dueMs <= nowMs) count += 1;
    return count;
  }

  /** The authority itself does not take orders now; undefined: it does, as far as is known. */
  pause(nowMs: number): { untilMs: number; failure: IssueFailure } | undefined {
    if (this.#pausedUntilMs <= nowMs || this.#pausedFor === undefined) return undefined;
    return { untilMs: this.#pausedUntilMs, failure: this.#pausedFor };
  }

  /** From now on exactly these names have certificates. @returns names that are no longer wanted */
  want(names: ReadonlySet<string>, nowMs: number): string[] {
    const gone = [...this.#entries.keys()].filter((name) => !names.has(name));
    for (const name of gone) this.#entries.delete(name);
    for (const name of names) {
      if (this.#entries.has(name)) continue;
      this.#entries.set(name, { held: undefined, dueMs: nowMs, failures: 0, failure: undefined });
    }
    return gone;
  }

  /** A certificate is in use that did not come from an order of ours: from disk or from the cluster. */
  hold(name: string, held: Validity, nowMs: number): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.held = held;
    entry.failures = 0;
    entry.failure = undefined;
    if (entry.dueMs !== undefined) entry.dueMs = Math.max(nowMs, this.#renewalMs(held));
  }

  /** The authority suggests another time (RFC 9773). */
  renewAt(name: string, atMs: number): void {
    const entry = this.#entries.get(name);
    if (entry?.held === undefined || entry.dueMs === undefined || entry.failure !== undefined) return;
    entry.dueMs = Math.min(atMs, entry.held.notAfterMs);
  }

  /** An order of ours ended well. */
  succeeded(name: string, held: Validity): void {
    this.#inFlight -= 1;
    this.#authorityFailures = 0;
    this.#pausedUntilMs = 0;
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.held = held;
    entry.failures = 0;
    entry.failure = undefined;
    entry.dueMs = this.#renewalMs(held);
  }

  /** Instead of ordering, a certificate was found: another proxy had ordered it. */
  adopted(name: string, held: Validity, nowMs: number): void {
    this.#inFlight -= 1;
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.dueMs = nowMs;
    this.hold(name, held, nowMs);
  }

  /** @returns when the name's next order is */
  failed(name: string, failure: IssueFailure, nowMs: number): number {
    this.#inFlight -= 1;
    const { retryAfterMs = 0 } = failure;
    if (failure.scope === "authority") {
      this.#authorityFailures += 1;
      const waitMs = Math.max(retryAfterMs, this.#backoffMs(failure, this.#authorityFailures));
      this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + waitMs);
      this.#pausedFor = failure;
    }
    const entry = this.#entries.get(name);
    if (entry === undefined) return nowMs + this.#backoffMs(failure, 1);
    entry.failures += 1;
    entry.failure = failure;
    entry.dueMs = nowMs + Math.max(retryAfterMs, this.#backoffMs(failure, entry.failures));
    return entry.dueMs;
  }

  /** What it needs was ordered for another name, in vain; that one goes first the next time too. */
  failedWith(name: string, failure: IssueFailure, retryAtMs: number): void {
    this.#inFlight -= 1;
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.failure = failure;
    entry.dueMs = retryAtMs;
  }

  /** Something changed that these names failed for. Limits of the authority stand. @returns whether there are any */
  retry(isMeant: (name: string) => boolean, nowMs: number): boolean {
    let any = false;
    for (const [name, entry] of this.#entries) {
      if (entry.failure === undefined || entry.dueMs === undefined || !isMeant(name)) continue;
      if (entry.failure.reason === "certificate.rate_limited") continue;
      entry.dueMs = nowMs;
      any = true;
    }
    return any;
  }

  /** Nothing was ordered: another proxy does, or the place to ask is away. */
  postponed(name: string, untilMs: number): void {
    this.#inFlight -= 1;
    const entry = this.#entries.get(name);
    if (entry !== undefined) entry.dueMs = untilMs;
  }

  /** Names whose order starts now. */
  tick(nowMs: number): string[] {
    if (nowMs < this.#pausedUntilMs) return [];
    const due: [string, Entry][] = [];
    for (const pair of this.#entries) {
      if (pair[1].dueMs !== undefined && pair[1].dueMs <= nowMs) due.push(pair);
    }
    // Whoever has nothing to serve with comes before renewals; then whoever waits longest.
    due.sort(([, a], [, b]) => Number(usable(a, nowMs)) - Number(usable(b, nowMs)) || a.dueMs! - b.dueMs!);
    // After a failure of the authority itself one order finds out whether it is back.
    const limit = this.#authorityFailures > 0 ? 1 : this.#options.maxInFlight;
    const starting = due.slice(0, Math.max(0, limit - this.#inFlight));
    for (const [, entry] of starting) entry.dueMs = undefined;
    this.#inFlight += starting.length;
    return starting.map(([name]) => name);
  }

  /** When `tick` has work again, if nothing happens before. */
  nextDeadlineMs(): number | undefined {
    const limit = this.#authorityFailures > 0 ? 1 : this.#options.maxInFlight;
    if (this.#inFlight >= limit) return undefined;
    let next: number | undefined;
    for (const { dueMs } of this.#entries.values()) {
      if (dueMs !== undefined && (next === undefined || dueMs < next)) next = dueMs;
    }
    return next === undefined ? undefined : Math.max(next, this.#pausedUntilMs);
  }

  state(name: string, nowMs: number): NameState | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const { held, failure, dueMs } = entry;
    if (held !== undefined && held.notAfterMs > nowMs) return { kind: "ready", held, failure, nextMs: dueMs };
    if (failure !== undefined) {
      return { kind: "failed", failure, retryAtMs: Math.max(dueMs ?? nowMs, this.#pausedUntilMs) };
    }
    return { kind: "pending", issuing: dueMs === undefined };
  }

  #renewalMs({ notBeforeMs, notAfterMs }: Validity): number {
    const lifetimeMs = notAfterMs - notBeforeMs;
    // Up to a twentieth earlier, so that what was ordered together is not renewed together.
    return notBeforeMs + lifetimeMs * (2 / 3) - lifetimeMs * 0.05 * this.#options.random();
  }

  #backoffMs(failure: IssueFailure, failures: number): number {
    const first = failure.counted ? this.#retry.countedMs : this.#retry.otherMs;
    const max = failure.counted ? this.#retry.maxCountedMs : this.#retry.maxOtherMs;
    return Math.min(first * 2 ** (failures - 1), max) * (1 + 0.2 * this.#options.random());
  }
}

function usable(entry: Entry, nowMs: number): boolean {
  return entry.held !== undefined && entry.held.notAfterMs > nowMs;
}
