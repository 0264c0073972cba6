import { isAtOrUnder } from "./domain-name.ts";

/** Whether a certificate for `pattern` is good for the name; a wildcard stands for exactly one label (RFC 6125 §6.4.3). */
export function coversName(pattern: string, name: string): boolean {
  if (pattern === name) return true;
  const dot = name.indexOf(".");
  return dot > 0 && pattern === `*${name.slice(dot)}`;
}

/** Whether services at or under `domain` could be served with a certificate for `pattern`. */
export function isOfUse(pattern: string, domain: string): boolean {
  const base = pattern.replace(/^\*\./, "");
  return isAtOrUnder(base, domain) || coversName(pattern, domain.toLowerCase());
}

/**
 * What to order for a service's name: with wildcard credentials one certificate for all names of its level, as long as that
 * level is theirs; the name itself otherwise.
 */
export function orderNameOf(
  name: string,
  credentials: { domain: string; wildcard: boolean } | undefined,
): string {
  if (!credentials?.wildcard || name === credentials.domain) return name;
  return `*${name.slice(name.indexOf("."))}`;
}

/** Those for the longest domain that the name is at or under. */
export function credentialsFor<T extends { domain: string }>(
  name: string,
  credentials: readonly T[],
): T | undefined {
  return credentials
    .filter(({ domain }) => isAtOrUnder(name, domain))
    .sort((a, b) => b.domain.length - a.domain.length)[0];
}
