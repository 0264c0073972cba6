/** What the API answers for a time that never was. */
const ZERO_TIME = "0001-01-01T00:00:00Z";

/** RFC 3339, or null for never. */
export function timeOrNull(time: string | undefined): string | null {
  return time === undefined || time === ZERO_TIME ? null : time;
}
