/** A server's clock may differ this much from ours. */
const CLOCK_SKEW_MS = 30_000;

/**
 * Whether an object was made since then: what decides if one that turned up after a lost answer is the one we asked
 * for. One whose age is not known is not.
 */
export function createdSince(sinceMs: number, object: { id: string; createdAt?: string }): boolean {
  const createdMs = object.createdAt === undefined ? xidTimeMs(object.id) : Date.parse(object.createdAt);
  return createdMs !== undefined && createdMs >= sinceMs - CLOCK_SKEW_MS;
}

/**
 * When an id was made, in milliseconds, to the second. Ids of the API begin with the Unix time in seconds, 32 bits in
 * base 32 (https://github.com/rs/xid).
 */
export function xidTimeMs(id: string): number | undefined {
  if (!/^[0-9a-v]{20}$/.test(id)) return undefined;
  // Seven digits are 35 bits: the time and three bits of what follows.
  return Math.floor(Number.parseInt(id.slice(0, 7), 32) / 8) * 1000;
}
