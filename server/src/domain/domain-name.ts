const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i;

/**
 * A DNS name that can stand in a certificate or a lookup: letters, digits, hyphens and underscores, at most 253
 * characters, no trailing dot. International names come in their ASCII form (RFC 5890).
 */
export function isDomainName(name: string): boolean {
  if (name.length === 0 || name.length > 253) return false;
  const labels = name.split(".");
  // An all-numeric last label would be an IP address.
  return labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
}

/** True when `name` is `suffix` or ends with `.suffix`; case does not count. */
export function isAtOrUnder(name: string, suffix: string): boolean {
  const [lower, tail] = [name.toLowerCase(), suffix.toLowerCase()];
  return lower === tail || lower.endsWith(`.${tail}`);
}
