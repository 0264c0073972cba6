import { type CommandContext, systemActor } from "../commands/context.ts";
import { recordDomainCheck } from "../commands/domains.ts";
import { checkCustomDomain } from "../dns/check-custom-domain.ts";
import type { DnsLookup } from "../dns/dns-lookup.ts";
import { listDomainsCheckedBefore } from "../store/domains.ts";

const PENDING_EVERY_MS = 60_000;
const VALIDATED_EVERY_MS = 60 * 60_000;

/** Looks at custom domains again: those that wait for their record every minute, the others every hour. */
export async function recheckDomains(context: CommandContext, dns: DnsLookup): Promise<void> {
  const nowMs = context.nowMs();
  for (const domain of await listDomainsCheckedBefore(context.store.db, nowMs - PENDING_EVERY_MS)) {
    const due = !domain.validated || (domain.lastCheckedAt ?? 0) <= nowMs - VALIDATED_EVERY_MS;
    if (!due) continue;
    const check = await checkCustomDomain(dns, domain);
    await recordDomainCheck(context, systemActor(domain.accountId), domain, check);
  }
}
