import type { NameLookup } from "../domain/diagnose-service.ts";
import type { DnsLookup } from "./dns-lookup.ts";

/**
 * The addresses of a service's name and of its cluster, for comparing them. Never throws.
 *
 * @param cluster its name, or its addresses where they are known
 */
export async function lookUpNames(
  dns: Pick<DnsLookup, "resolveAddresses">,
  domain: string,
  cluster: string | readonly string[],
): Promise<NameLookup> {
  try {
    return {
      domain: await dns.resolveAddresses(domain),
      cluster: typeof cluster === "string" ? await dns.resolveAddresses(cluster) : cluster,
    };
  } catch (error) {
    return {
      failed: `DNS did not answer for ${[domain].concat(cluster).join(" and ")}: ${(error as Error).message}`,
    };
  }
}
