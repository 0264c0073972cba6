import { createHash } from "node:crypto";

/**
 * Sessions that were ended before their time, on this proxy or another one, until they would have ended anyway. What is
 * here is looked at when a session is verified, which every session is again after it was ended.
 */
export class EndedSessions {
  /** Hex SHA-256 of the token -> when it expires, milliseconds. */
  readonly #ended = new Map<string, number>();
  /** Verified sessions of all services have to be verified again. */
  onEnded: ((hashes: ReadonlySet<string>) => void) | undefined;
  /** There is something new to be kept. */
  onChange: (() => void) | undefined;

  get size(): number {
    return this.#ended.size;
  }

  has(token: string): boolean {
    return this.#ended.size > 0 && this.#ended.has(sessionHash(token));
  }

  /** @param sessions by hash, with the time of their expiry; known ones may be among them */
  end(sessions: Iterable<readonly [hash: string, expiresAtMs: number]>, nowMs: number): void {
    for (const [hash, expiresAtMs] of this.#ended) if (expiresAtMs <= nowMs) this.#ended.delete(hash);
    const fresh = new Set<string>();
    for (const [hash, expiresAtMs] of sessions) {
      if (expiresAtMs <= nowMs || this.#ended.has(hash)) continue;
      this.#ended.set(hash, expiresAtMs);
      fresh.add(hash);
    }
    if (fresh.size === 0) return;
    this.onEnded?.(fresh);
    this.onChange?.();
  }

  /** Those that have not expired. */
  entries(nowMs: number): [hash: string, expiresAtMs: number][] {
    return [...this.#ended].filter(([, expiresAtMs]) => expiresAtMs > nowMs);
  }
}

export function sessionHash(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
