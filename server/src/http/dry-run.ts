/** Tells a client that the server understood `?dry_run=true`: another one might have carried the request out. */
export const DRY_RUN_HEADER = "NetBird-Dry-Run";

/** `?dry_run=true` on a route that changes something. */
export function isDryRun(query: unknown): boolean {
  return (query as { dry_run?: unknown } | undefined)?.dry_run === "true";
}
