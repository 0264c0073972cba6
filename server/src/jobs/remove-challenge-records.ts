import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import type { ChallengeDns } from "../dns/challenge/challenge-dns.ts";
import { ChallengeProblem } from "../dns/challenge/challenge-problem.ts";
import { forgetDnsRecord, listDnsRecordsToRemove, noteRemovalTried } from "../store/dns-credentials.ts";

const AT_ONCE = 50;
const GIVE_UP_MS = 24 * 3_600_000;

/** Takes challenge records out of users' DNS when the order that they were for has ended, however it ended. */
export async function removeChallengeRecords(
  { store, nowMs }: CommandContext,
  dns: Pick<ChallengeDns, "remove">,
  log: Pick<Logger, "warn">,
): Promise<void> {
  const { db } = store;
  for (const { record, credentials } of await listDnsRecordsToRemove(db, nowMs(), AT_ONCE)) {
    try {
      await dns.remove(record, credentials);
    } catch (error) {
      if (!(error instanceof ChallengeProblem)) throw error;
      // Tried again in the next round; not for ever, as the zone may not exist any more.
      if (nowMs() - record.createdAt < GIVE_UP_MS) {
        await noteRemovalTried(db, record, nowMs());
        continue;
      }
      const { reason, message } = error;
      log.warn(
        { domain: record.name, code: reason, reason: message },
        "challenge record stays; remove it by hand",
      );
    }
    await forgetDnsRecord(db, record);
  }
}
