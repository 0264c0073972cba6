import { attemptsLeft, guessing, waitAfterMs } from "@netbird-proxy/proto";
import { addressBlock } from "./address-block.ts";

/** What of a service somebody guesses at, and from where. */
export interface Guess {
  readonly serviceId: string;
  readonly method: "password" | "pin" | "header" | "link";
  readonly address: string;
}

export type Taken =
  /** The attempt may be made. `left`: how many wrong ones may follow it without a wait. */
  { ok: true; left: number } | { ok: false; waitSeconds: number };

/** Addresses remembered in all. The budgets keep each service far below; this bounds thousands of attacked services. */
const MAX_ADDRESSES = 100_000;
const SWEEP_MS = 60_000;

interface Bucket {
  level: number;
  atMs: number;
}

interface AddressRecord {
  failures: number;
  atMs: number;
  /** No attempt before. */
  freeAtMs: number;
  /** The budget that the last attempt drew on. */
  drewOn: Bucket;
}

/** One method of one service. */
interface Guard {
  readonly first: Bucket;
  readonly again: Bucket;
  /** Oldest failure first. */
  readonly addresses: Map<string, AddressRecord>;
}

/**
 * Limits wrong credentials as {@link guessing} says. Only failures count, so that nobody who knows the secret is kept out
 * by it; each attempt costs the server a slow hash.
 *
 * Memory is bounded without ever forgetting an address that still counts, which an attacker with many addresses would use
 * to be forgotten: a record is made only for an attempt that was let through, and few are.
 */
export class AttemptLimiter {
  readonly #guards = new Map<string, Guard>();
  #addresses = 0;
  #sweptAtMs = 0;

  /** How many addresses are remembered. */
  get size(): number {
    return this.#addresses;
  }

  /**
   * Counts an attempt as wrong, before its outcome is known: a hundred at the same moment must not all pass.
   * {@link giveBack} takes it back.
   */
  take(guess: Guess, nowMs: number): Taken {
    this.#sweep(nowMs);
    const guard = this.#guard(guess, nowMs);
    const block = addressBlock(guess.address);
    const found = guard.addresses.get(block);
    const record = found !== undefined && nowMs - found.atMs < guessing.forgottenMs ? found : undefined;
    if (record !== undefined && record.freeAtMs > nowMs) return refused(record.freeAtMs - nowMs);
    const isFirst = record === undefined || record.failures === 0;
    const budgets = isFirst ? (["first", "again"] as const) : (["again"] as const);
    const name = budgets.find(
      (one) => drained(guard[one], guessing[one].refillMs, nowMs) <= guessing[one].burst - 1,
    );
    if (name === undefined) return refused(guessing.again.refillMs);
    const drewOn = guard[name];
    drewOn.level = drained(drewOn, guessing[name].refillMs, nowMs) + 1;
    drewOn.atMs = nowMs;
    const failures = (record?.failures ?? 0) + 1;
    const next = { failures, atMs: nowMs, freeAtMs: nowMs + waitAfterMs(failures), drewOn };
    this.#remember(guard, block, next);
    return { ok: true, left: attemptsLeft(failures) };
  }

  /** The attempt was right (then the address is clean again), or could not be checked. */
  giveBack(guess: Guess, { right }: { right: boolean }): void {
    const guard = this.#guards.get(guardKey(guess));
    const block = addressBlock(guess.address);
    const record = guard?.addresses.get(block);
    if (guard === undefined || record === undefined) return;
    record.drewOn.level = Math.max(0, record.drewOn.level - 1);
    record.failures -= 1;
    record.freeAtMs = record.atMs + waitAfterMs(record.failures);
    if (right || record.failures <= 0) this.#forget(guard, block);
  }

  /** The server, which counts for all proxies, wants this address to wait. The attempt that was taken stays counted. */
  wait(guess: Guess, waitSeconds: number, nowMs: number): void {
    const guard = this.#guard(guess, nowMs);
    const block = addressBlock(guess.address);
    const known = guard.addresses.get(block) ?? {
      failures: 0,
      atMs: nowMs,
      freeAtMs: 0,
      drewOn: guard.again,
    };
    const freeAtMs = Math.max(known.freeAtMs, nowMs + Math.min(waitSeconds * 1000, guessing.longestWaitMs));
    this.#remember(guard, block, { ...known, atMs: nowMs, freeAtMs });
  }

  #guard(guess: Guess, nowMs: number): Guard {
    const key = guardKey(guess);
    let guard = this.#guards.get(key);
    if (guard === undefined) {
      const empty = () => ({ level: 0, atMs: nowMs });
      guard = { first: empty(), again: empty(), addresses: new Map() };
      this.#guards.set(key, guard);
    }
    return guard;
  }

  #remember(guard: Guard, block: string, record: AddressRecord): void {
    const known = guard.addresses.delete(block);
    // Whoever finds no place is a first one every time, within the budgets.
    if (!known && this.#addresses >= MAX_ADDRESSES) return;
    guard.addresses.set(block, record);
    if (!known) this.#addresses += 1;
  }

  #forget(guard: Guard, block: string): void {
    if (guard.addresses.delete(block)) this.#addresses -= 1;
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < SWEEP_MS) return;
    this.#sweptAtMs = nowMs;
    for (const [key, guard] of this.#guards) {
      for (const [block, { atMs }] of guard.addresses) {
        if (nowMs - atMs < guessing.forgottenMs) break;
        this.#forget(guard, block);
      }
      const usedAtMs = Math.max(guard.first.atMs, guard.again.atMs);
      const idle = guard.addresses.size === 0 && nowMs - usedAtMs > guessing.forgottenMs;
      if (idle) this.#guards.delete(key);
    }
  }
}

function refused(waitMs: number): Taken {
  return { ok: false, waitSeconds: Math.ceil(waitMs / 1000) };
}

function drained({ level, atMs }: Bucket, refillMs: number, nowMs: number): number {
  return Math.max(0, level - (nowMs - atMs) / refillMs);
}

function guardKey({ serviceId, method }: Guess): string {
  return `${serviceId} ${method}`;
}
