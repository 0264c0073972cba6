import { writeInt32 } from "../wire/bytes.ts";

export const TAI64N_BYTES = 12;
/** TAI64 labels count from 2^62; TAI was ten seconds ahead of UTC when it was defined. */
const LABEL_HIGH = 0x40000000;
const TAI_OFFSET_SECONDS = 10;

/**
 * A timestamp for an initiation: greater than all earlier ones from the same static key, or the responder drops it.
 * The low bits of the nanoseconds stay zero so that the message does not reveal when exactly we woke up; wireguard-go
 * whitens the same 2^24 ns.
 *
 * @param unixMs milliseconds since the epoch
 */
export function tai64n(unixMs: number): Uint8Array {
  const seconds = Math.floor(unixMs / 1000) + TAI_OFFSET_SECONDS;
  const nanoseconds = Math.floor((unixMs - Math.floor(unixMs / 1000) * 1000) * 1e6);
  const stamp = new Uint8Array(TAI64N_BYTES);
  writeInt32(stamp, 0, LABEL_HIGH + Math.floor(seconds / 2 ** 32));
  writeInt32(stamp, 4, seconds % 2 ** 32);
  writeInt32(stamp, 8, nanoseconds - (nanoseconds % 2 ** 24));
  return stamp;
}

/** True when `stamp` is later than `previous`; both are 12 bytes and compare as big-endian numbers. */
export function isLater(stamp: Uint8Array, previous: Uint8Array): boolean {
  for (let i = 0; i < TAI64N_BYTES; i += 1) {
    if (stamp[i] !== previous[i]) return stamp[i]! > previous[i]!;
  }
  return false;
}
