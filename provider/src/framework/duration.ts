const UNIT_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;

/** Reads a duration as Go writes it ("1m30s", "300ms"); undefined when it is none. Result in milliseconds. */
export function parseDurationMs(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = text.replace(/^[+-]/, "");
  if (body === "0") return 0;
  let totalMs = 0;
  PART.lastIndex = 0;
  let end = 0;
  for (let part = PART.exec(body); part !== null; part = PART.exec(body)) {
    totalMs += Number(part[1]) * UNIT_MS[part[2] as keyof typeof UNIT_MS];
    end = PART.lastIndex;
  }
  return end > 0 && end === body.length ? sign * totalMs : undefined;
}

/** "30s" and "0m30s" mean the same. */
export function sameDuration(a: string, b: string): boolean {
  const left = parseDurationMs(a);
  return left !== undefined && left === parseDurationMs(b);
}

/** A duration for people: "850 ms", "12.5 s", "2 m 5 s". */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} m${seconds % 60 === 0 ? "" : ` ${seconds % 60} s`}`;
}
