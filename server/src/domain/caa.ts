/** One CAA property as the resolver gives it: flags under `critical`, the value under the property's own tag. */
export type CaaProperty = { critical: number } & Partial<Record<string, string | number>>;

/** The records that count for a name. */
export interface FoundCaa {
  /** Where they are: the name itself, or the nearest name above it that has any. */
  at: string;
  records: CaaProperty[];
}

/** Tags that say nothing about who may issue for web servers. RFC 8659 §4, RFC 9495, CA/Browser Forum. */
const harmless = new Set([
  "critical",
  "issue",
  "issuewild",
  "iodef",
  "contactemail",
  "contactphone",
  "issuemail",
  "issuevmc",
]);

/**
 * Whether an authority may issue, by the CAA records that count for the name. Source: RFC 8659 §4.
 *
 * @param identities names of the authority, such as `letsencrypt.org`
 * @returns undefined when it may; else what forbids it
 */
export function caaForbids(
  records: readonly CaaProperty[],
  identities: readonly string[],
  isWildcard: boolean,
): string | undefined {
  for (const record of records) {
    const unknown = Object.keys(record).find((tag) => !harmless.has(tag.toLowerCase()));
    if (unknown !== undefined && record.critical & 0x80) {
      return `the critical property ${unknown} is one that no authority has to know`;
    }
  }
  const valuesOf = (tag: string) =>
    records.flatMap((record) => (typeof record[tag] === "string" ? [record[tag]] : []));
  const wild = isWildcard ? valuesOf("issuewild") : [];
  const values = wild.length > 0 ? wild : valuesOf("issue");
  if (values.length === 0) return undefined;
  const allowed = values.map((value) => value.split(";")[0]!.trim().toLowerCase());
  if (identities.some((identity) => allowed.includes(identity.toLowerCase()))) return undefined;
  const named = allowed.filter((name) => name !== "");
  return named.length === 0 ? "it lets nobody issue" : `it names ${named.join(", ")} only`;
}
