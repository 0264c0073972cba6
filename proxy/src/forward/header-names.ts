/**
 * What becomes of a request header on its way to a target, by its name. The decision is cached under the name as it was
 * spelled: the same few dozen names come with every request.
 */
export interface HeaderName {
  readonly lower: string;
  readonly treatment: Treatment;
  /** The name as a CGI-like backend would see it when it contains underscores; otherwise {@link lower}. */
  readonly folded: string;
}

export type Treatment =
  | "pass"
  /** Hop-by-hop, or made anew by us (RFC 9110 §7.6.1). */
  | "drop"
  | "host"
  | "connection"
  | "cookie"
  | "te"
  | "expect"
  | "upgrade"
  | "content-length"
  | "transfer-encoding"
  | "accept"
  /** Hop list against loops. */
  | "loop"
  /** The five forwarding headers that we set. */
  | "forwarding"
  /** Believed by backends, so only from trusted proxies. */
  | "trusted-only"
  /** Says who the caller is; nobody but us may. */
  | "identity";

export const LOOP_HEADER = "x-netbird-hops";

const treatments = new Map<string, Treatment>([
  ["host", "host"],
  ["connection", "connection"],
  ["cookie", "cookie"],
  ["te", "te"],
  ["expect", "expect"],
  ["upgrade", "upgrade"],
  ["content-length", "content-length"],
  ["transfer-encoding", "transfer-encoding"],
  ["accept", "accept"],
  [LOOP_HEADER, "loop"],
]);
for (const name of [
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "trailer",
  "http2-settings",
  // CGI turns it into HTTP_PROXY, which libraries take for their own proxy setting (httpoxy, CVE-2016-5385).
  "proxy",
]) {
  treatments.set(name, "drop");
}
for (const name of [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-real-ip",
]) {
  treatments.set(name, "forwarding");
}
for (const name of [
  "x-forwarded",
  "x-forwarded-prefix",
  "x-forwarded-ssl",
  "x-forwarded-scheme",
  "x-forwarded-protocol",
  "x-forwarded-server",
  "x-forwarded-by",
  "x-forwarded-path",
  "x-forwarded-uri",
  "x-forwarded-method",
  "x-forwarded-client-cert",
  "x-forwarded-user",
  "x-forwarded-email",
  "x-forwarded-groups",
  "x-forwarded-preferred-username",
  "x-forwarded-access-token",
  "x-original-forwarded-for",
  "x-original-url",
  "x-original-host",
  "x-original-proto",
  "x-rewrite-url",
  "x-url-scheme",
  "x-scheme",
  "front-end-https",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-envoy-external-address",
  "true-client-ip",
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "fastly-client-ip",
  "fly-client-ip",
  "x-azure-clientip",
  "x-appengine-user-ip",
  "client-ip",
]) {
  treatments.set(name, "trusted-only");
}

function classify(spelled: string): HeaderName {
  const lower = spelled.toLowerCase();
  const folded = lower.includes("_") ? lower.replaceAll("_", "-") : lower;
  if (folded.startsWith("x-netbird-") && folded !== LOOP_HEADER)
    return { lower, folded, treatment: "identity" };
  if (folded !== lower) {
    // CGI, WSGI and PHP read `X_Real_IP` and `X-Real-IP` as one variable: the odd spelling of a header that means
    // something to us is an attempt to get past us.
    return { lower, folded, treatment: treatments.has(folded) ? "identity" : "pass" };
  }
  return { lower, folded, treatment: treatments.get(lower) ?? "pass" };
}

const MAX_CACHED = 2048;
const cache = new Map<string, HeaderName>();

/** What to do with a header of this name. */
export function headerName(spelled: string): HeaderName {
  let known = cache.get(spelled);
  if (known === undefined) {
    known = classify(spelled);
    // Names are the client's choice: without a limit they would fill the memory.
    if (cache.size < MAX_CACHED) cache.set(spelled, known);
  }
  return known;
}
