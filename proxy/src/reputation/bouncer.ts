import type { Reputation, ReputationDecision } from "../access/address-checks.ts";
import type { Logger } from "../observe/log.ts";
import type { CrowdsecApi, DecisionChanges } from "./crowdsec-api.ts";
import { readDecision } from "./decision.ts";
import { DecisionIndex } from "./decision-index.ts";

export interface BouncerParts {
  readonly api: Pick<CrowdsecApi, "changes" | "close">;
  readonly countryOf: ((address: string) => string) | undefined;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly onPoll: (ok: boolean, decisions: number) => void;
  readonly intervalMs?: number;
}

const INTERVAL_MS = 10_000;
const MAX_WAIT_MS = 60_000;
/** Everything is asked for again this often, in case a change was lost on the way or somebody shares our key. */
const FULL_EVERY_MS = 3_600_000;
/** Entries that are read without letting requests in between. */
const ENTRIES_PER_TURN = 2_000;

/**
 * Follows CrowdSec's decisions. It runs from the start of the process to its end, whatever services come and go, so that
 * a changed service never meets an empty list. While the local API is away the decisions that are known go on.
 */
export class Bouncer implements Reputation {
  readonly #parts: BouncerParts;
  readonly #stop = new AbortController();
  #index = new DecisionIndex();
  #ready = false;
  /** The next answer must be complete: nothing is known, or a change may have been lost. */
  #full = true;
  #fullAtMs = 0;
  #failures = 0;
  #problem = "";
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: BouncerParts) {
    this.#parts = parts;
  }

  get ready(): boolean {
    return this.#ready;
  }

  decisionOn(address: string): ReputationDecision | undefined {
    return this.#index.find(address, Date.now(), this.#parts.countryOf);
  }

  /** Resolves when the first answer is there, or is not coming. */
  async start(waitMs: number): Promise<void> {
    const first = this.#poll();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs);
    });
    await Promise.race([first, late]);
    clearTimeout(timer);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
    this.#parts.api.close();
  }

  async #poll(): Promise<void> {
    const { api, onPoll } = this.#parts;
    const nowMs = Date.now();
    const full = this.#full || nowMs - this.#fullAtMs >= FULL_EVERY_MS;
    // Until the answer is in: the local API counts changes as told when it has sent them, whether they arrive or not.
    this.#full = true;
    try {
      const changes = await api.changes(full, this.#stop.signal);
      await this.#take(changes, full);
      this.#full = false;
      if (full) this.#fullAtMs = nowMs;
      this.#succeeded();
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#failed((error as Error).message);
    }
    onPoll(this.#failures === 0, this.#index.size);
    const { intervalMs = INTERVAL_MS } = this.#parts;
    const waitMs = Math.min(intervalMs * 2 ** this.#failures, Math.max(MAX_WAIT_MS, intervalMs));
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#poll(), waitMs);
    this.#timer.unref();
  }

  /** What is complete takes the place of everything at once; until then the old decisions hold. */
  async #take({ added, removed }: DecisionChanges, full: boolean): Promise<void> {
    const nowMs = Date.now();
    const index = full ? new DecisionIndex() : this.#index;
    await inTurns(full ? [] : removed, (entry) => {
      const id = (entry as { id?: unknown } | null)?.id;
      if (typeof id === "number") index.remove(id);
    });
    await inTurns(added, (entry) => {
      const decision = readDecision(entry, nowMs);
      if (decision !== undefined) index.add(decision);
    });
    this.#index = index;
  }

  #succeeded(): void {
    if (!this.#ready || this.#failures > 0) {
      this.#parts.log.info({ count: this.#index.size }, "CrowdSec's decisions are known");
    }
    this.#ready = true;
    this.#failures = 0;
    this.#problem = "";
  }

  #failed(problem: string): void {
    this.#failures += 1;
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#parts.log.warn(
      { reason: problem },
      this.#ready
        ? "CrowdSec cannot be asked; the decisions that are known go on"
        : "CrowdSec cannot be asked; services that enforce it refuse everybody",
    );
  }
}

async function inTurns<T>(entries: readonly T[], take: (entry: T) => void): Promise<void> {
  for (let at = 0; at < entries.length; at += ENTRIES_PER_TURN) {
    if (at > 0) await new Promise((resolve) => setImmediate(resolve));
    for (const entry of entries.slice(at, at + ENTRIES_PER_TURN)) take(entry);
  }
}
