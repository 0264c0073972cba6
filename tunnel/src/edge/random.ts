import { randomFillSync } from "node:crypto";

const POOL_BYTES = 4096;

/** Secure random bytes, drawn from the system in larger pieces: sequence numbers and indices need four at a time. */
export class RandomPool {
  #pool = new Uint8Array(0);
  #used = 0;

  take(length: number): Uint8Array {
    if (this.#used + length > this.#pool.length) {
      // Fresh memory each time: pieces handed out earlier belong to their takers.
      this.#pool = randomFillSync(new Uint8Array(Math.max(POOL_BYTES, length)));
      this.#used = 0;
    }
    const bytes = this.#pool.slice(this.#used, this.#used + length);
    // What was given out must not stay behind: it may have become a private key.
    this.#pool.fill(0, this.#used, this.#used + length);
    this.#used += length;
    return bytes;
  }
}
