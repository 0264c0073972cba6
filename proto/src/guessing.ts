/**
 * How wrong attempts at the password, PIN or header of a service are limited: by the server for all proxies together, and
 * by each proxy too, which spares the server the asking and stands alone with a server that counts nothing.
 *
 * Two limits hold at once. One is per service, method and address: some attempts at once, then a delay that doubles. The
 * other is per service and method over all addresses, because an attacker may have any number of them. It has two parts:
 * the first attempt of an address draws on its own part, so that a visitor who types the right thing gets in while others
 * have used up the rest.
 */
export const guessing = {
  /** Wrong attempts of one address without a wait. */
  free: 10,
  /** The wait after the last free one; doubles with each further one. */
  firstWaitMs: 10_000,
  longestWaitMs: 300_000,
  /** An address is clean again so long after its last wrong attempt. */
  forgottenMs: 3_600_000,
  /** First attempts of all addresses together: so many at once, then one after each `refillMs`. */
  first: { burst: 100, refillMs: 10_000 },
  /** All further ones together. */
  again: { burst: 100, refillMs: 10_000 },
} as const;

/** How long an address waits after its `failures`th wrong attempt in a row, milliseconds. */
export function waitAfterMs(failures: number): number {
  const over = failures - guessing.free;
  return over < 0 ? 0 : Math.min(guessing.firstWaitMs * 2 ** over, guessing.longestWaitMs);
}

/** Wrong attempts that an address may still make without a wait. */
export function attemptsLeft(failures: number): number {
  return Math.max(0, guessing.free - failures);
}
