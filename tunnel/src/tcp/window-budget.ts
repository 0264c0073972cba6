/**
 * Memory that connections may promise to their peers beyond the window each of them starts with. One budget serves all
 * devices of a tunnel: a few busy connections get large windows, a thousand stalled ones cannot exhaust the process.
 */
export class WindowBudget {
  #freeBytes: number;

  constructor(totalBytes: number) {
    this.#freeBytes = totalBytes;
  }

  /** @returns false, taking nothing, when there is not enough left */
  take(bytes: number): boolean {
    if (bytes > this.#freeBytes) return false;
    this.#freeBytes -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#freeBytes += bytes;
  }
}
