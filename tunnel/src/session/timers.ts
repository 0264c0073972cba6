/** WireGuard's timer constants (paper §6.1), milliseconds. */
export const REKEY_AFTER_TIME_MS = 120_000;
export const REJECT_AFTER_TIME_MS = 180_000;
export const REKEY_ATTEMPT_TIME_MS = 90_000;
export const REKEY_TIMEOUT_MS = 5_000;
/** Random spread of retransmitted initiations, so that two peers do not collide again and again. */
export const REKEY_JITTER_MAX_MS = 333;
export const KEEPALIVE_TIMEOUT_MS = 10_000;
/** Key material is erased when no new session came up for this long. */
export const WIPE_AFTER_TIME_MS = REJECT_AFTER_TIME_MS * 3;

/** Something that wants to run at a time. Fields below `deadlineMs` belong to the queue. */
export interface Timed {
  /** When to run; Infinity while nothing is due. Set through {@link TimerQueue.schedule}. */
  deadlineMs: number;
  /** The time by which the heap is ordered: at or before `deadlineMs`. */
  queuedMs: number;
  /** Position in the heap, -1 while outside. */
  heapIndex: number;
  onDeadline(nowMs: number): void;
}

/**
 * A binary heap of deadlines that tolerates being early. TCP pushes its retransmission deadline back with every
 * acknowledgement; that only writes a number here, and the entry finds its new place when its old time comes.
 */
export class TimerQueue {
  readonly #heap: Timed[] = [];

  schedule(item: Timed, deadlineMs: number): void {
    item.deadlineMs = deadlineMs;
    if (item.heapIndex >= 0) {
      if (deadlineMs < item.queuedMs) {
        item.queuedMs = deadlineMs;
        this.#up(item.heapIndex);
      }
      return;
    }
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    item.queuedMs = deadlineMs;
    item.heapIndex = this.#heap.length;
    this.#heap.push(item);
    this.#up(item.heapIndex);
  }

  /** Takes the item out for good. */
  remove(item: Timed): void {
    item.deadlineMs = Number.POSITIVE_INFINITY;
    const at = item.heapIndex;
    if (at < 0) return;
    item.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#heap[at] = last;
    last.heapIndex = at;
    this.#up(at);
    this.#down(last.heapIndex);
  }

  /** The earliest time at which `run` may have work. It can be early, never late. */
  nextMs(): number | undefined {
    return this.#heap[0]?.queuedMs;
  }

  /** Runs every item that is due. An item that schedules itself at or before `nowMs` runs again only on the next call. */
  run(nowMs: number): void {
    const due: Timed[] = [];
    for (let top = this.#heap[0]; top !== undefined && top.queuedMs <= nowMs; top = this.#heap[0]) {
      if (top.deadlineMs === Number.POSITIVE_INFINITY) {
        this.remove(top);
      } else if (top.deadlineMs > nowMs) {
        top.queuedMs = top.deadlineMs;
        this.#down(0);
      } else {
        this.remove(top);
        due.push(top);
      }
    }
    for (const item of due) item.onDeadline(nowMs);
  }

  #up(start: number): void {
    const item = this.#heap[start]!;
    let at = start;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#heap[parentAt]!;
      if (parent.queuedMs <= item.queuedMs) break;
      this.#heap[at] = parent;
      parent.heapIndex = at;
      at = parentAt;
    }
    this.#heap[at] = item;
    item.heapIndex = at;
  }

  #down(start: number): void {
    const item = this.#heap[start];
    if (item === undefined) return;
    let at = start;
    for (;;) {
      let childAt = at * 2 + 1;
      if (childAt >= this.#heap.length) break;
      const right = this.#heap[childAt + 1];
      if (right !== undefined && right.queuedMs < this.#heap[childAt]!.queuedMs) childAt += 1;
      const child = this.#heap[childAt]!;
      if (child.queuedMs >= item.queuedMs) break;
      this.#heap[at] = child;
      child.heapIndex = at;
      at = childAt;
    }
    this.#heap[at] = item;
    item.heapIndex = at;
  }
}
