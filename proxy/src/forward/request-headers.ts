import { IDENTITY_HEADER } from "../access/identity-token.ts";
import { tokenIn } from "../access/service-token.ts";
import type { Exchange } from "../exchange.ts";
import { portOf } from "../route/host-name.ts";
import { headerName, LOOP_HEADER } from "./header-names.ts";
import { schemeOf } from "./scheme.ts";
import { withoutSessionCookie } from "./session-cookie.ts";

export interface ForwardingRules {
  /** X-Forwarded-Proto: what to say, whatever the connection was. */
  readonly proto: "http" | "https";
  /** X-Forwarded-Port where Host names none. */
  readonly defaultPort: string;
  /** Written into every request and looked for in every request. */
  readonly loopId: string;
}

/**
 * The headers that go to the target, name and value by turns: the visitor's without what is not for the target, then
 * the service's own, then who the visitor is.
 */
export function upstreamHeaders(x: Exchange): string[] {
  const { down } = x;
  const { headers } = down;
  const service = x.service!;
  const target = x.target!;
  const custom = target.customHeaderNames;
  const credentials = service.access.headerNames;
  const listed = connectionOptions(headers);
  const out: string[] = ["host", custom.has("host") ? target.authority : hostFor(x)];
  let hops = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headerName(headers[i]!);
    const { lower } = name;
    const value = headers[i + 1]!;
    switch (name.treatment) {
      case "pass":
      case "accept":
      case "content-length":
        break;
      case "trusted-only":
        if (!x.peerTrusted) continue;
        break;
      case "cookie": {
        const rest = withoutSessionCookie(value);
        if (rest === undefined || custom.has("cookie")) continue;
        out.push(lower, rest);
        continue;
      }
      case "te":
        // The only coding that means something beyond this connection.
        if (/(?:^|[,\s])trailers(?:$|[,;\s])/i.test(value)) out.push("te", "trailers");
        continue;
      case "loop":
        hops = hops === "" ? value : `${hops}, ${value}`;
        continue;
      default:
        continue;
    }
    if (listed?.has(lower) && name.treatment !== "content-length") continue;
    if (custom.size > 0 && (custom.has(lower) || custom.has(name.folded))) continue;
    // A secret for us, not for the target, whether it was what let the request in or not.
    if (lower === "authorization" && tokenIn(value) !== undefined) continue;
    if (credentials.length > 0 && (credentials.includes(lower) || credentials.includes(name.folded)))
      continue;
    out.push(lower, value);
  }
  for (let i = 0; i < target.customHeaders.length; i++) out.push(target.customHeaders[i]!);
  const rules = forwardingRules(x);
  pushForwarding(out, x, rules);
  out.push(LOOP_HEADER, hops === "" ? rules.loopId : `${hops}, ${rules.loopId}`);
  pushIdentity(out, x);
  return out;
}

/** What a peer inside the overlay used to reach us is not what the world uses. */
function forwardingRules(x: Exchange): ForwardingRules {
  const { forwarding } = x.parts;
  const { overlay, localPort } = x.down.connection;
  if (overlay === undefined) return forwarding;
  return { ...forwarding, proto: schemeOf(x), defaultPort: String(localPort) };
}

function hostFor(x: Exchange): string {
  return x.service!.passHostHeader ? x.authority : x.target!.authority;
}

/** What the visitor listed in Connection is meant for us alone (RFC 9110 §7.6.1). */
function connectionOptions(headers: readonly string[]): Set<string> | undefined {
  let options: Set<string> | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headerName(headers[i]!).treatment !== "connection") continue;
    const value = headers[i + 1]!;
    if (value === "keep-alive" || value === "close") continue;
    options ??= new Set();
    for (const option of value.split(",")) options.add(option.trim().toLowerCase());
  }
  return options;
}

// Set after the visitor's headers are copied: otherwise a visitor could list X-Forwarded-For in Connection and have us
// remove it.
function pushForwarding(out: string[], x: Exchange, rules: ForwardingRules): void {
  const peer = x.down.connection.remoteAddress;
  if (!x.peerTrusted) {
    out.push(
      "x-forwarded-for",
      peer,
      "x-real-ip",
      peer,
      "x-forwarded-host",
      x.authority,
      "x-forwarded-proto",
      rules.proto,
      "x-forwarded-port",
      portOf(x.authority) ?? rules.defaultPort,
    );
    return;
  }
  const seen = x.joined("x-forwarded-for");
  out.push("x-forwarded-for", seen === undefined || seen === "" ? peer : `${seen}, ${peer}`);
  out.push("x-real-ip", x.header("x-real-ip") || x.clientAddress);
  out.push("x-forwarded-host", x.header("x-forwarded-host") || x.authority);
  const proto = x.header("x-forwarded-proto") || rules.proto;
  out.push("x-forwarded-proto", proto);
  out.push(
    "x-forwarded-port",
    x.header("x-forwarded-port") || portOf(x.authority) || (proto === rules.proto ? rules.defaultPort : "80"),
  );
}

const printable = /^[\x20-\x7e]+$/;

function pushIdentity(out: string[], x: Exchange): void {
  const caller = x.caller;
  if (caller === undefined || caller.method === "public") return;
  if (caller.user !== "" && printable.test(caller.user)) out.push("x-netbird-user", caller.user);
  // A comma inside a name would turn one group into two.
  const groups = caller.groups.filter((group) => printable.test(group) && !group.includes(","));
  if (groups.length > 0) out.push("x-netbird-groups", groups.join(","));
  const { identity } = x.service!.access;
  if (identity !== undefined) out.push(IDENTITY_HEADER, identity.token(caller, Date.now()));
}

/** The path and query that go to the target. The visitor's percent-encoding is kept. */
export function upstreamPath(x: Exchange): string {
  const { basePath } = x.target!;
  if (!x.route!.strip || x.covered === 0) return basePath + x.path + x.query;
  // Several slashes in front would read as an authority (`//evil.example`) at the target.
  const rest = x.path.slice(x.covered).replace(/^\/+/, "");
  return `${basePath}/${rest}${x.query}`;
}
