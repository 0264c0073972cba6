/** How one attempt ended without success. */
export type Outcome =
  | { readonly kind: "status"; readonly status: number; readonly retryAfterMs: number | undefined }
  | {
      readonly kind: "network";
      readonly sent: boolean;
      /** Nothing came within the time that one request may take. */
      readonly timedOut?: boolean;
    };

const BASE_MS = 250;
const CEILING_MS = 10_000;
/** The longest Retry-After that is worth waiting for; a longer one is reported to the user. */
export const LONGEST_RETRY_AFTER_MS = 120_000;

/**
 * Whether to try again, and how long to wait first. A POST is repeated only when it was certainly not processed.
 *
 * @param attempt the attempt that just failed, from 1
 * @param random from 0 to 1, for full jitter
 * @returns milliseconds, or undefined to give up
 */
export function retryDelayMs(
  method: string,
  outcome: Outcome,
  attempt: number,
  maxRetries: number,
  random: number,
): number | undefined {
  if (attempt > maxRetries) return undefined;
  const backoffMs = random * Math.min(CEILING_MS, BASE_MS * 2 ** (attempt - 1));
  if (outcome.kind === "network") {
    // Whoever is silent for that long is not busy for a moment, and the user set how long to wait.
    if (outcome.timedOut) return undefined;
    return !outcome.sent || method !== "POST" ? backoffMs : undefined;
  }
  const { status, retryAfterMs } = outcome;
  const notProcessed = status === 429 || (status === 503 && retryAfterMs !== undefined);
  const passing = status === 502 || status === 503 || status === 504;
  if (!notProcessed && !(passing && method !== "POST")) return undefined;
  if (retryAfterMs === undefined) return backoffMs;
  if (retryAfterMs > LONGEST_RETRY_AFTER_MS) return undefined;
  // A little jitter on top, or everyone who was told the same second comes back in it.
  return retryAfterMs + random * BASE_MS;
}

/** Reads Retry-After, seconds or a date (RFC 9110 §10.2.3). */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}
