import { describeApiFailure } from "../client/describe-failure.ts";
import { ApiFailure, NetworkFailure } from "../client/failure.ts";
import { isUnknown } from "../convert/value.ts";
import type { Diagnostics } from "../framework/diagnostics.ts";
import type { Path } from "../framework/path.ts";
import type { Log } from "../framework/resource.ts";
import type { Walk } from "./walk.ts";

/** What becomes of a refusal of the server while planning. */
export type PreflightMode = "off" | "warn" | "error";

export const preflightModes = ["off", "warn", "error"] as const satisfies readonly PreflightMode[];

export interface PreflightRequest {
  readonly method: "POST" | "PUT";
  /** As a function: for one that has to be asked for. */
  readonly path: string | (() => Promise<string>);
  /** As a function: for a body that is made from what the server has now. */
  readonly body: object | (() => object | Promise<object>);
  /** For people: `plan netbird_group`. */
  readonly doing: string;
  readonly attributeOf: (field: string) => Path | undefined;
  /**
   * About a refusal that only says what is in the way now: true when this apply is known to take it out of the way, and
   * "perhaps" when it might.
   */
  readonly maySettle?: (failure: ApiFailure) => boolean | "perhaps";
  /** The plan takes something over from the answer, so that it cannot go without. */
  readonly needsAnswer?: boolean;
}

/**
 * Lets the server check what it will be asked to do, where it can, and reports what it would refuse. Right before it is
 * asked to do it, it is not asked about it: the write is checked in the same way, and one that is refused leaves nothing.
 *
 * @returns what the server would answer; undefined when it was not asked, cannot say, or would refuse
 */
export async function preflight<T>(
  context: {
    readonly client: Walk | undefined;
    readonly diagnostics: Diagnostics;
    readonly signal: AbortSignal;
    readonly log: Log;
    readonly applying: boolean;
  },
  request: PreflightRequest,
): Promise<T | undefined> {
  const { client, diagnostics, signal, log } = context;
  if (client === undefined || !client.ready || client.preflight === "off") return undefined;
  if (context.applying && !request.needsAnswer) return undefined;
  if (holdsUnknown(request.body)) return undefined;
  try {
    // Nothing is read for a server that cannot check.
    if (!(await client.api.features(signal)).has("dry_run")) return undefined;
    const path = typeof request.path === "function" ? await request.path() : request.path;
    const body = typeof request.body === "function" ? await request.body() : request.body;
    return await client.api.dryRun<T>(request.method, path, body, signal);
  } catch (error) {
    const settles = error instanceof ApiFailure && (request.maySettle?.(error) ?? false);
    if (settles === true) return undefined;
    const { doing, attributeOf } = request;
    const silent = error instanceof NetworkFailure || (error instanceof ApiFailure && error.status >= 500);
    if (silent) {
      log("warn", "the server could not check the plan", { reason: String(error) });
      for (const { summary, detail } of describeApiFailure(error, { doing: "check the plan", attributeOf }) ??
        [])
        diagnostics.warning([], summary, `The plan was not checked by the server.\n${detail}`);
      return undefined;
    }
    // A dry run that was not confirmed may have been a write; that is never only a warning.
    if (!(error instanceof ApiFailure) || error.status < 400) throw error;
    const severity = client.preflight === "warn" || settles === "perhaps" ? "warning" : "error";
    const addition = settles === "perhaps" ? "The apply only succeeds if it frees this first.\n" : "";
    for (const item of describeApiFailure(error, { doing, attributeOf }) ?? [])
      diagnostics.add({ ...item, severity, detail: `${addition}${item.detail}` });
    return undefined;
  }
}

/** A request that still lacks something cannot be judged. */
export function holdsUnknown(value: unknown): boolean {
  if (isUnknown(value)) return true;
  if (Array.isArray(value)) return value.some(holdsUnknown);
  if (value instanceof Map) return [...value.values()].some(holdsUnknown);
  return typeof value === "object" && value !== null && Object.values(value).some(holdsUnknown);
}
