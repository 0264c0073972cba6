/** Counters that may arrive this far behind the newest one; wireguard-go and the kernel keep about as many. */
export const REPLAY_WINDOW_BITS = 8128;
const RING_BITS = 8192;
const RING_WORDS = RING_BITS / 32;

/**
 * Remembers which counters were seen (RFC 6479: a ring of words, one word of which is always being cleared).
 * `isFresh` before authentication, `accept` only after it: a forged packet must not move the window.
 */
export class ReplayWindow {
  readonly #ring = new Int32Array(RING_WORDS);
  /** Newest accepted counter plus one. */
  #next = 0;

  isFresh(counter: number): boolean {
    if (counter >= this.#next) return true;
    if (this.#next - counter > REPLAY_WINDOW_BITS) return false;
    const word = Math.floor(counter / 32) % RING_WORDS;
    return (this.#ring[word]! & (1 << (counter % 32))) === 0;
  }

  accept(counter: number): void {
    const wordIndex = Math.floor(counter / 32);
    if (counter >= this.#next) {
      const newestWord = this.#next === 0 ? -1 : Math.floor((this.#next - 1) / 32);
      const steps = Math.min(wordIndex - newestWord, RING_WORDS);
      for (let step = 0; step < steps; step += 1) this.#ring[(wordIndex - step) % RING_WORDS] = 0;
      this.#next = counter + 1;
    }
    this.#ring[wordIndex % RING_WORDS]! |= 1 << (counter % 32);
  }
}
