import type { CaaRecord } from "node:dns";
import { Resolver } from "node:dns/promises";

/** Asks DNS. Everything is empty when there is no such record, and throws when DNS fails. */
export interface DnsLookup {
  /** The names that one CNAME step points at. */
  resolveCname(name: string): Promise<string[]>;
  /** IPv4 and IPv6 addresses behind a name, CNAMEs followed. */
  resolveAddresses(name: string): Promise<string[]>;
  /** Whole texts: the strings of one record are joined (RFC 7208 §3.3). */
  resolveTxt(name: string): Promise<string[]>;
  /** Of exactly this name, CNAMEs followed (RFC 8659 §3). */
  resolveCaa(name: string): Promise<CaaRecord[]>;
}

const NO_RECORD = new Set(["ENODATA", "ENOTFOUND", "NOTFOUND", "NODATA"]);

/** @param servers `address[:port]` each; none: those of the system */
export function createDnsLookup(servers: readonly string[]): DnsLookup {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  return {
    resolveCname: (name) => orNone(resolver.resolveCname(name)),
    async resolveAddresses(name) {
      return (await Promise.all([orNone(resolver.resolve4(name)), orNone(resolver.resolve6(name))])).flat();
    },
    async resolveTxt(name) {
      return (await orNone(resolver.resolveTxt(name))).map((parts) => parts.join(""));
    },
    resolveCaa: (name) => orNone(resolver.resolveCaa(name)),
  };
}

async function orNone<T>(records: Promise<T[]>): Promise<T[]> {
  try {
    return await records;
  } catch (error) {
    if (NO_RECORD.has((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
