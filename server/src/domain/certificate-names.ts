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
