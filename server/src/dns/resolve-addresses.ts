import { Resolver } from "node:dns/promises";

/** Looks up the addresses behind a name, IPv4 and IPv6. */
export interface AddressLookup {
  /** @returns empty when there are none. Throws when DNS fails. */
  resolveAddresses(name: string): Promise<string[]>;
}

const NO_RECORD = new Set(["ENODATA", "ENOTFOUND", "NOTFOUND", "NODATA"]);

/** @param servers `address[:port]` each; none: those of the system */
export function createAddressLookup(servers: readonly string[]): AddressLookup {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  const lookUp = async (records: Promise<string[]>) => {
    try {
      return await records;
    } catch (error) {
      if (NO_RECORD.has((error as NodeJS.ErrnoException).code ?? "")) return [];
      throw error;
    }
  };
  return {
    async resolveAddresses(name) {
      const found = await Promise.all([lookUp(resolver.resolve4(name)), lookUp(resolver.resolve6(name))]);
      return found.flat();
    },
  };
}
