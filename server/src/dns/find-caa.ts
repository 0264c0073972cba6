import type { CaaProperty, FoundCaa } from "../domain/caa.ts";
import type { DnsLookup } from "./dns-lookup.ts";

/** The CAA records that count for a name. Source: RFC 8659 §3. Throws when DNS fails. @returns undefined without any */
export async function findCaa(
  lookup: Pick<DnsLookup, "resolveCaa">,
  name: string,
): Promise<FoundCaa | undefined> {
  const labels = name.replace(/^\*\./, "").split(".");
  for (let at = 0; at < labels.length; at += 1) {
    const candidate = labels.slice(at).join(".");
    const records = await lookup.resolveCaa(candidate);
    if (records.length > 0) return { at: candidate, records: records as CaaProperty[] };
  }
  return undefined;
}
