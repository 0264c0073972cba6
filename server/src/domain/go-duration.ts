const NS = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const MAX_NS = 2n ** 63n - 1n;

/**
 * Parses a duration as Go's time.ParseDuration does: `300ms`, `1.5h`, `2h45m`, `-3s`, `0`.
 * @returns nanoseconds, or undefined when it is none or does not fit 64 bits
 */
export function parseGoDuration(text: string): bigint | undefined {
  const match = /^([+-]?)(.+)$/s.exec(text);
  if (!match) return undefined;
  const [, sign, body] = match as unknown as [string, string, string];
  if (body === "0") return 0n;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let total = 0n;
  for (const [, whole, fraction, unit] of body.matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/g)) {
    const unitNs = NS[unit as keyof typeof NS];
    total += BigInt(whole || "0") * unitNs;
    // Digits beyond nanoseconds cannot count.
    const digits = (fraction ?? "").slice(0, 18);
    if (digits !== "") total += (BigInt(digits) * unitNs) / 10n ** BigInt(digits.length);
  }
  if (total > MAX_NS) return undefined;
  return sign === "-" ? -total : total;
}

/** The canonical form of Go's Duration.String: `1m30s`, `1h0m0s`, `1.5s`, `300ms`, `0s`. */
export function formatGoDuration(ns: bigint): string {
  if (ns === 0n) return "0s";
  if (ns < 0n) return `-${formatGoDuration(-ns)}`;
  if (ns < NS.us) return `${ns}ns`;
  if (ns < NS.ms) return `${decimal(ns, NS.us)}µs`;
  if (ns < NS.s) return `${decimal(ns, NS.ms)}ms`;
  const hours = ns / NS.h;
  const minutes = (ns % NS.h) / NS.m;
  const seconds = `${decimal(ns % NS.m, NS.s)}s`;
  if (hours > 0n) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0n ? `${minutes}m${seconds}` : seconds;
}

function decimal(ns: bigint, unit: bigint): string {
  const fraction = (ns % unit)
    .toString()
    .padStart(unit.toString().length - 1, "0")
    .replace(/0+$/, "");
  return fraction === "" ? `${ns / unit}` : `${ns / unit}.${fraction}`;
}
