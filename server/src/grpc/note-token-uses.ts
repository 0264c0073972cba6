import type { AccessLogEntry } from "../store/access-logs.ts";
import { noteGrantUse } from "../store/grant-uses.ts";
import { getService } from "../store/services.ts";
import type { Db } from "../store/transaction.ts";

/** A token may come with every request; when it was used last is told to the minute. */
const EVERY_MS = 60_000;
const MAX_KNOWN = 10_000;

/** Reads off the access log when service tokens were used last. */
export function createTokenUseNotes(db: Db): (entries: readonly AccessLogEntry[]) => Promise<void> {
  const notedAt = new Map<string, number>();

  return async (entries) => {
    const latest = new Map<string, AccessLogEntry>();
    for (const entry of entries) {
      if (entry.authMethod !== "token" || entry.userId === "") continue;
      const known = latest.get(entry.userId);
      if (known === undefined || known.timestamp < entry.timestamp) latest.set(entry.userId, entry);
    }
    for (const [grant, { accountId, serviceId, timestamp: atMs }] of latest) {
      if (atMs - (notedAt.get(grant) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) continue;
      notedAt.delete(grant);
      notedAt.set(grant, atMs);
      if (notedAt.size > MAX_KNOWN) notedAt.delete(notedAt.keys().next().value!);
      const service = await getService(db, accountId, serviceId);
      // What a proxy says is only believed about tokens that exist.
      if (service?.grants.tokens.some(({ id }) => id === grant)) {
        await noteGrantUse(db, { service: service.id, grant, atMs });
      }
    }
  };
}
