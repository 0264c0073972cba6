import { Resolver } from "node:dns/promises";
import { followCname, withoutDot } from "./follow-cname.ts";

/** `temporary`: DNS itself failed, so nothing is known about the record. */
export type DomainCheck = { ok: true } | { ok: false; temporary: boolean; message: string };

/** Looks up one CNAME step. */
export interface CnameLookup {
  /** @returns the names it points at; empty when there is no such record. Throws when DNS fails. */
  resolveCname(name: string): Promise<string[]>;
}

const NO_RECORD = new Set(["ENODATA", "ENOTFOUND", "NOTFOUND", "NODATA"]);

/** @param servers `address[:port]` each; none: those of the system */
export function createCnameLookup(servers: readonly string[]): CnameLookup {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  if (servers.length > 0) resolver.setServers(servers);
  return {
    async resolveCname(name) {
      try {
        return await resolver.resolveCname(name);
      } catch (error) {
        if (NO_RECORD.has((error as NodeJS.ErrnoException).code ?? "")) return [];
        throw error;
      }
    },
  };
}

/** The record that proves a custom domain; a wildcard CNAME for the domain satisfies it. */
export function validationName(domain: string): string {
  return `validation.${domain}`;
}

/**
 * True when the CNAME chain of `validation.<domain>`, or of the domain itself, passes through the cluster's address.
 * NetBird looks at the end of the first chain only; a cluster name that is an alias itself then never validates.
 */
export async function checkCustomDomain(
  lookup: CnameLookup,
  domain: string,
  targetCluster: string,
): Promise<DomainCheck> {
  const target = withoutDot(targetCluster);
  const seen: string[] = [];
  for (const start of [validationName(domain), domain]) {
    try {
      for (const name of await followCname(lookup, start)) {
        if (name === target) return { ok: true };
        seen.push(name);
      }
    } catch (error) {
      return {
        ok: false,
        temporary: true,
        message: `the lookup of ${start} failed: ${(error as Error).message}`,
      };
    }
  }
  const found = seen.length === 0 ? "there is no CNAME record" : `it leads to ${seen.join(", ")}`;
  return {
    ok: false,
    temporary: false,
    message: `${validationName(domain)} must be a CNAME to ${targetCluster}; ${found}`,
  };
}
