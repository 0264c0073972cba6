import type { NameLookup } from "../domain/diagnose-service.ts";
import type { DnsLookup } from "./dns-lookup.ts";

/** The addresses of a service's name and of its cluster, for comparing them. Never throws. */
export async function lookUpNames(
  dns: Pick<DnsLookup, "resolveAddresses">,
  domain: string,
  cluster: string,
): Promise<NameLookup> {
  try {
    return {
      domain: await dns.resolveAddresses(domain),
      cluster: await dns.resolveAddresses(cluster),
    };
  } catch (error) {
    return { failed: `DNS did not answer for ${domain} and ${cluster}: ${(error as Error).message}` };
  }
}
