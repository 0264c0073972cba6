import type { AccountId } from "@netbird-proxy/proto";
import { type ProofMethod, textName, textValue, validationName } from "../domain/domain-proof.ts";
import type { DnsLookup } from "./dns-lookup.ts";
import { followCname, withoutDot } from "./follow-cname.ts";

/** `temporary`: DNS itself failed, so nothing is known about the record. */
export type DomainCheck = { clusterAddresses: string[] } & (
  | { ok: true; method: ProofMethod }
  | { ok: false; temporary: boolean; message: string }
);

export interface DomainToCheck {
  accountId: AccountId;
  domain: string;
  targetCluster: string;
}

type Outcome = { ok: true; method: ProofMethod } | { ok: false; found: string } | { failed: string };

/**
 * True when one of these holds, looked at in this order: the CNAME chain of `validation.<domain>`, or of the domain
 * itself, passes through the cluster's address; the TXT record of `_netbird-validation.<domain>` names the account; every
 * address of the domain is one of the cluster's. NetBird looks at the end of the first chain only: a cluster name that is an
 * alias itself then never validates, and neither does a name at the top of a zone, which can have no CNAME.
 */
export async function checkCustomDomain(lookup: DnsLookup, subject: DomainToCheck): Promise<DomainCheck> {
  const { domain, targetCluster } = subject;
  const clusterAddresses = await lookup.resolveAddresses(targetCluster).catch(() => []);
  const outcomes = [
    () => byCname(lookup, subject),
    () => byText(lookup, subject),
    () => byAddress(lookup, domain, clusterAddresses),
  ];
  const found: string[] = [];
  let failed: string | undefined;
  for (const attempt of outcomes) {
    const outcome = await attempt();
    if ("failed" in outcome) failed ??= outcome.failed;
    else if (outcome.ok) return { ...outcome, clusterAddresses };
    else found.push(outcome.found);
  }
  if (failed !== undefined) return { ok: false, temporary: true, message: failed, clusterAddresses };
  const message = `${validationName(domain)} must be a CNAME to ${targetCluster}, or ${textName(domain)} the TXT record of this account; ${found.join("; ")}`;
  return { ok: false, temporary: false, message, clusterAddresses };
}

async function byCname(lookup: DnsLookup, { domain, targetCluster }: DomainToCheck): Promise<Outcome> {
  const target = withoutDot(targetCluster);
  const seen: string[] = [];
  for (const start of [validationName(domain), domain]) {
    const chain = await attempt(start, () => followCname(lookup, start));
    if ("failed" in chain) return chain;
    if (chain.found.includes(target)) return { ok: true, method: "cname" };
    seen.push(...chain.found);
  }
  return {
    ok: false,
    found: seen.length === 0 ? "there is no CNAME record" : `the CNAME leads to ${seen.join(", ")}`,
  };
}

async function byText(lookup: DnsLookup, { accountId, domain }: DomainToCheck): Promise<Outcome> {
  const name = textName(domain);
  const texts = await attempt(name, () => lookup.resolveTxt(name));
  if ("failed" in texts) return texts;
  if (texts.found.some((text) => text.trim() === textValue(accountId, domain))) {
    return { ok: true, method: "txt" };
  }
  return {
    ok: false,
    found: texts.found.length === 0 ? "no TXT record" : `a TXT record with ${JSON.stringify(texts.found[0])}`,
  };
}

async function byAddress(
  lookup: DnsLookup,
  domain: string,
  clusterAddresses: readonly string[],
): Promise<Outcome> {
  const addresses = await attempt(domain, () => lookup.resolveAddresses(domain));
  if ("failed" in addresses) return addresses;
  const { found } = addresses;
  if (found.length === 0) return { ok: false, found: `${domain} has no address` };
  // One that leads elsewhere is somebody else's machine, and visitors get there too.
  const strangers = found.filter((address) => !clusterAddresses.includes(address));
  if (strangers.length === 0) return { ok: true, method: "address" };
  const wanted = clusterAddresses.length === 0 ? "no known address" : clusterAddresses.join(", ");
  return { ok: false, found: `${domain} leads to ${strangers.join(", ")}, the cluster has ${wanted}` };
}

async function attempt<T>(name: string, ask: () => Promise<T>): Promise<{ found: T } | { failed: string }> {
  try {
    return { found: await ask() };
  } catch (error) {
    return { failed: `the lookup of ${name} failed: ${(error as Error).message}` };
  }
}
