import type { Cluster } from "./clusters.ts";
import { isAtOrUnder } from "./domain-name.ts";

export type Derivation =
  | { ok: true; cluster: string; via: "free" | "custom" }
  | { ok: false; why: "no-clusters" | "no-match" };

/**
 * Which cluster serves a domain: the first usable cluster whose address the domain is or is under; else the longest
 * custom domain of the account that it is or is under. Whether a custom domain is validated does not matter here.
 */
export function deriveCluster(
  domain: string,
  usable: readonly Cluster[],
  customDomains: readonly { domain: string; targetCluster: string }[],
): Derivation {
  if (usable.length === 0) return { ok: false, why: "no-clusters" };
  const free = usable.find(({ address }) => isAtOrUnder(domain, address));
  if (free) return { ok: true, cluster: free.address, via: "free" };
  const custom = customDomains
    .filter((candidate) => isAtOrUnder(domain, candidate.domain))
    .sort((a, b) => b.domain.length - a.domain.length)[0];
  if (custom) return { ok: true, cluster: custom.targetCluster, via: "custom" };
  return { ok: false, why: "no-match" };
}
