import { type ReputationDecision, reputationDecisions } from "../access/address-checks.ts";

/** One decision of CrowdSec that this proxy can act on. */
export interface Decision {
  /** Of the local API; a decision is taken back by it. */
  readonly id: number;
  readonly type: ReputationDecision;
  readonly scope: "range" | "country";
  /** A range (an address is the range of itself), or a country code in upper case. */
  readonly value: string;
  readonly expiresAtMs: number;
}

/**
 * Reads one entry of the decision stream.
 *
 * Types that are not known count as a ban, as in NetBird's proxy: somebody wanted to keep the address out.
 *
 * @returns undefined for what cannot be acted on: scopes such as AS or username, and entries that are broken
 */
export function readDecision(entry: unknown, nowMs: number): Decision | undefined {
  if (typeof entry !== "object" || entry === null) return undefined;
  const { id, scope, type, value, duration } = entry as Record<string, unknown>;
  if (typeof id !== "number" || typeof scope !== "string" || typeof value !== "string") return undefined;
  const leftMs = durationMs(duration);
  if (leftMs === undefined) return undefined;
  const known = reputationDecisions.find((name) => name === String(type).toLowerCase());
  const common = { id, type: known ?? ("ban" as const), expiresAtMs: nowMs + leftMs };
  switch (scope.toLowerCase()) {
    case "ip":
    case "range":
      return { ...common, scope: "range", value };
    case "country":
      return { ...common, scope: "country", value: value.toUpperCase() };
    default:
      return undefined;
  }
}

const unitMs: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, h: 36e5 };

/** Go's duration, such as `3h59m58.6s`; negative for what is over. */
function durationMs(text: unknown): number | undefined {
  if (typeof text !== "string" || !/^-?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(amount) * unitMs[unit!]!;
  }
  return text.startsWith("-") ? -ms : ms;
}
