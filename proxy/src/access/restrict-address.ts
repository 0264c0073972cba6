import { type BlockList, isIP } from "node:net";
import type { AnswerCode } from "../answer/catalogue.ts";
import type { AddressChecks, Finding, Restriction } from "./address-checks.ts";
import { unmapAddress } from "./cidr.ts";
import type { AddressRules } from "./policy.ts";
import type { Suspicion } from "./suspects.ts";

/** Whether an address is in the list; IPv4 and IPv6 alike. */
export function listed(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

export interface AddressOutcome {
  /** Undefined when nothing that is enforced speaks against the address. */
  readonly refusal: AnswerCode | undefined;
  /** CrowdSec wants the client slowed down; the one who asks decides what that means. */
  readonly suspicion: Suspicion | undefined;
  /** Whatever was found, observed or enforced. */
  readonly findings: readonly Finding[];
}

type Verdict =
  | "ip_restricted"
  | "country_restricted"
  | "geo_unavailable"
  | "crowdsec_ban"
  | "crowdsec_captcha"
  | "crowdsec_throttle"
  | "crowdsec_unavailable";

const passed: AddressOutcome = { refusal: undefined, suspicion: undefined, findings: [] };

/**
 * What a service's restrictions say about a client: ranges, then countries, then CrowdSec. The first enforced refusal
 * ends it; what is only observed is noted on the way.
 *
 * @param address of the client itself, behind trusted proxies and PROXY headers
 */
export function restrictAddress(rules: AddressRules, address: string, checks: AddressChecks): AddressOutcome {
  const client = plainAddress(address);
  let findings: Finding[] | undefined;
  const check = (restriction: Restriction, mode: "observe" | "enforce", verdict: Verdict | undefined) => {
    if (verdict === undefined) return false;
    const finding: Finding = { restriction, verdict, mode };
    findings ??= [];
    findings.push(finding);
    checks.onFinding(finding);
    return mode === "enforce";
  };
  const { countries, crowdsec } = rules;
  let suspicion: Suspicion | undefined;
  const checkReputation = (mode: "observe" | "enforce") => {
    const verdict = crowdsecVerdict(client, checks);
    if (mode === "enforce" && (verdict === "crowdsec_captcha" || verdict === "crowdsec_throttle")) {
      suspicion = verdict === "crowdsec_captcha" ? "captcha" : "throttle";
      return false;
    }
    return check("crowdsec", mode, verdict);
  };
  if (
    check("cidr", isIP(client) === 0 ? "enforce" : rules.cidrMode, rangeVerdict(rules, client)) ||
    (countries !== undefined &&
      check("country", countries.mode, countryVerdict(countries, client, checks))) ||
    (crowdsec !== "off" && checkReputation(crowdsec))
  ) {
    const verdict = findings!.at(-1)!.verdict as Verdict;
    return { refusal: `access.${verdict}`, suspicion: undefined, findings: findings! };
  }
  if (findings === undefined && suspicion === undefined) return passed;
  return { refusal: undefined, suspicion, findings: findings ?? [] };
}

/** What is left of the rules inside the overlay, where an address is in no country and known to no CrowdSec. */
export function rangesOnly(rules: AddressRules): AddressRules {
  return { ...rules, countries: undefined, crowdsec: "off" };
}

/** Without the zone of a link-local address, and IPv4 as IPv4. */
function plainAddress(address: string): string {
  const zone = address.indexOf("%");
  return unmapAddress(zone === -1 ? address : address.slice(0, zone));
}

function rangeVerdict(rules: AddressRules, address: string): Verdict | undefined {
  // An address that cannot be read is in no allowed range and may be in any blocked one: nothing is observed then.
  if (isIP(address) === 0) return "ip_restricted";
  if (rules.allowed !== undefined && !listed(rules.allowed, address)) return "ip_restricted";
  return rules.blocked !== undefined && listed(rules.blocked, address) ? "ip_restricted" : undefined;
}

/** Of an address whose country is not known, an allowlist says no and a blocklist says nothing. */
function countryVerdict(
  { allowed, blocked }: NonNullable<AddressRules["countries"]>,
  address: string,
  { countryOf }: AddressChecks,
): Verdict | undefined {
  if (countryOf === undefined) return "geo_unavailable";
  const country = countryOf(address);
  if (allowed !== undefined && !allowed.has(country)) return "country_restricted";
  return blocked?.has(country) ? "country_restricted" : undefined;
}

function crowdsecVerdict(address: string, { reputation }: AddressChecks): Verdict | undefined {
  if (!reputation?.ready) return "crowdsec_unavailable";
  const decision = reputation.decisionOn(address);
  return decision && `crowdsec_${decision}`;
}

/** What the access log says about it, in the words of NetBird's proxy where it has any. */
export function findingMetadata(findings: readonly Finding[]): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const { restriction, verdict, mode } of findings) {
    // An enforced refusal is the entry's auth_mechanism; of CrowdSec's, readers expect the key as well.
    if (mode === "enforce" && restriction !== "crowdsec") continue;
    metadata[`${restriction}_verdict`] = verdict;
    if (mode === "observe") metadata[`${restriction}_mode`] = "observe";
  }
  return metadata;
}
