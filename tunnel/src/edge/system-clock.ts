/** The only clocks of the tunnel. Monotonic for timers, wall time for handshake timestamps and reports. */

/** Milliseconds with a fraction, from an arbitrary start; never goes back. */
export function monotonicMs(): number {
  return performance.now();
}

/** Milliseconds since the epoch. */
export function wallMs(): number {
  return Date.now();
}
