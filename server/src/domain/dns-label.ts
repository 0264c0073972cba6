const MAX_LABEL = 63;

/**
 * The DNS label of a peer: the first label of its name in lower case, other characters turned into `-`. When the account
 * has that label already, the last two octets of the peer's address follow, then a number.
 */
export function dnsLabel(name: string, ip: string, used: ReadonlySet<string>): string {
  const first = name.split(".")[0] ?? "";
  const cleaned = first
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "-")
    .replace(/^-+|-+$/g, "");
  const label = cleaned.slice(0, MAX_LABEL).replace(/-+$/, "") || "peer";
  if (!used.has(label)) return label;
  const octets = ip.split(".").slice(2).join("-");
  for (let n = 0; ; n += 1) {
    const suffix = n === 0 ? `-${octets}` : `-${octets}-${n}`;
    const candidate = label.slice(0, MAX_LABEL - suffix.length) + suffix;
    if (!used.has(candidate)) return candidate;
  }
}
