import { type BlockList, isIP } from "node:net";
import type { AnswerCode } from "../answer/catalogue.ts";
import type { AddressRules } from "./policy.ts";

/** Whether an address is in the list; IPv4 and IPv6 alike. */
export function listed(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/** The refusal for this address, or undefined when nothing speaks against it. Allowlist first, then the blocklist. */
export function refuseAddress(rules: AddressRules, address: string): AnswerCode | undefined {
  // An address that cannot be read is in no allowed range and may be in any blocked one.
  if (isIP(address) === 0) return "access.ip_restricted";
  if (rules.allowed !== undefined && !listed(rules.allowed, address)) return "access.ip_restricted";
  if (rules.blocked !== undefined && listed(rules.blocked, address)) return "access.ip_restricted";
  if (rules.countries) return "access.geo_unavailable";
  if (rules.crowdsec === "enforce") return "access.crowdsec_unavailable";
  return undefined;
}
