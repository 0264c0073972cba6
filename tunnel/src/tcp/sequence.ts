/**
 * Sequence numbers are int32 and wrap; order is the sign of the difference (RFC 9293 §3.4). Two numbers more than 2^31
 * apart have no order, which windows below 1 GiB rule out.
 */

export function isBefore(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export function isAfter(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}

/** The later of the two. */
export function laterOf(a: number, b: number): number {
  return ((a - b) | 0) > 0 ? a : b;
}
