import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import type { AccountId } from "@netbird-proxy/proto";

/** What proved that a custom domain belongs to its account. */
export type ProofMethod = "cname" | "txt" | "address";

/** A record that users put into their DNS. */
export interface DomainRecord {
  type: "CNAME" | "TXT" | "A" | "AAAA";
  name: string;
  value: string;
  /** `ownership`: one of these is enough. `routing`: it leads visitors to the cluster. */
  purpose: "ownership" | "routing";
}

/** Its CNAME proves a domain; a wildcard CNAME for the domain satisfies it, as in NetBird. */
export function validationName(domain: string): string {
  return `validation.${domain}`;
}

/** Its TXT record proves a domain whose names lead elsewhere for now. */
export function textName(domain: string): string {
  return `_netbird-validation.${domain}`;
}

/** Of this account alone: somebody else's record must not prove the domain for us. It is no secret. */
export function textValue(account: AccountId, domain: string): string {
  const digest = createHash("sha256").update(`${account} ${domain.toLowerCase()}`).digest("hex");
  return `netbird-domain-verification=${digest.slice(0, 40)}`;
}

/**
 * Every record that may be wanted for a domain. A CNAME beside other records of the same name is not allowed in DNS, so a
 * name at the top of a zone takes the addresses instead.
 */
export function domainRecords(
  { accountId, domain, targetCluster }: { accountId: AccountId; domain: string; targetCluster: string },
  clusterAddresses: readonly string[],
): DomainRecord[] {
  return [
    { type: "CNAME", name: validationName(domain), value: targetCluster, purpose: "ownership" },
    { type: "TXT", name: textName(domain), value: textValue(accountId, domain), purpose: "ownership" },
    { type: "CNAME", name: domain, value: targetCluster, purpose: "routing" },
    { type: "CNAME", name: `*.${domain}`, value: targetCluster, purpose: "routing" },
    ...clusterAddresses.map(
      (address): DomainRecord => ({
        type: isIPv6(address) ? "AAAA" : "A",
        name: domain,
        value: address,
        purpose: "routing",
      }),
    ),
  ];
}
