import type { Suspects } from "./suspects.ts";

/** A restriction by address, in the order in which they are looked at. */
export type Restriction = "cidr" | "country" | "crowdsec";

/** Enforced: refuses. Observed: only says in access log and metrics what it would have refused. */
export type RestrictionMode = "enforce" | "observe";

/** What one restriction had against a client. */
export interface Finding {
  readonly restriction: Restriction | "rule" | "rate";
  /** As in NetBird's access log: `ip_restricted`, `country_restricted`, `crowdsec_ban`, ... */
  readonly verdict: string;
  readonly mode: RestrictionMode;
}

/** What is known about addresses beside the service's own lists. One for the whole proxy. */
export interface AddressChecks {
  /** Two letters in upper case, empty when it is not known; undefined: geolocation is turned off. */
  readonly countryOf: ((address: string) => string) | undefined;
  readonly reputation: Reputation | undefined;
  readonly suspects: Suspects;
  /** Told at once, before the request goes on. */
  onFinding(finding: Finding): void;
}

/** What CrowdSec has decided about addresses. */
export interface Reputation {
  /** False until everything that was decided so far is known. */
  readonly ready: boolean;
  decisionOn(address: string): ReputationDecision | undefined;
}

/** The strongest first. */
export const reputationDecisions = ["ban", "captcha", "throttle"] as const;
export type ReputationDecision = (typeof reputationDecisions)[number];
