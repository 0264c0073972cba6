import type { DnsLookup } from "./dns-lookup.ts";

const MAX_CHAIN = 8;

/** The names that a chain of CNAMEs passes through, without the first one; lower case. Throws when DNS fails. */
export async function followCname(lookup: Pick<DnsLookup, "resolveCname">, start: string): Promise<string[]> {
  const chain: string[] = [];
  let name = start;
  while (chain.length < MAX_CHAIN) {
    const [next] = await lookup.resolveCname(name);
    if (next === undefined || chain.includes(withoutDot(next))) break;
    name = withoutDot(next);
    chain.push(name);
  }
  return chain;
}

export function withoutDot(name: string): string {
  return name.replace(/\.$/, "").toLowerCase();
}
