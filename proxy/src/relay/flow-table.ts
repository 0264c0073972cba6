/** What the table has to know of a flow. */
export interface TabledFlow {
  readonly key: string;
  /** When something last came from the client or the target, milliseconds of the monotonic clock. */
  lastMs: number;
  /** The client reacted to an answer of the target: its address is no forgery. */
  isProven: boolean;
}

/** A conversation that was silent for less is not ended for a newcomer. */
const IN_USE_MS = 1000;

/**
 * The flows of a UDP port. When there are as many as there may be, a newcomer takes the place of one that has proven
 * nothing, the oldest first; only when all are proven, of the one that was silent for longest. So forged addresses push
 * out each other.
 */
export class FlowTable<F extends TabledFlow> {
  readonly #max: number;
  /** Oldest first. */
  readonly #unproven = new Map<string, F>();
  /** In the order in which {@link used} was told of them. */
  readonly #proven = new Map<string, F>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#unproven.size + this.#proven.size;
  }

  get(key: string): F | undefined {
    return this.#proven.get(key) ?? this.#unproven.get(key);
  }

  /** Whom a newcomer would replace; undefined when there is room, `full` when nobody has to make room. */
  outgoing(nowMs: number): F | "full" | undefined {
    if (this.size < this.#max) return undefined;
    for (const flow of this.#unproven.values()) return flow;
    for (const flow of this.#proven.values()) return nowMs - flow.lastMs >= IN_USE_MS ? flow : "full";
    return "full";
  }

  add(flow: F): void {
    this.#unproven.set(flow.key, flow);
  }

  /** The client sent something. */
  used(flow: F): void {
    if (!flow.isProven) return;
    this.delete(flow);
    this.#proven.set(flow.key, flow);
  }

  /** @returns false when it was not there */
  delete(flow: F): boolean {
    if (this.get(flow.key) !== flow) return false;
    return this.#unproven.delete(flow.key) || this.#proven.delete(flow.key);
  }

  all(): F[] {
    return [...this.#unproven.values(), ...this.#proven.values()];
  }
}
