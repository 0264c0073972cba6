import type { Exchange } from "../exchange.ts";
import { hostOf, portOf } from "../route/host-name.ts";
import { schemeOf } from "./scheme.ts";

const dropped = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "te",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The headers of a target's answer as the visitor gets them, name and value by turns.
 *
 * @param raw as undici gives them
 */
export function downstreamHeaders(x: Exchange, raw: readonly Buffer[]): string[] {
  const out: string[] = [];
  let listed: Set<string> | undefined;
  let location = -1;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toString("latin1");
    const lower = name.toLowerCase();
    if (dropped.has(lower)) {
      if (lower === "connection") listed = addOptions(listed, raw[i + 1]!.toString("latin1"));
      continue;
    }
    if (lower === "location") location = out.length + 1;
    out.push(name, raw[i + 1]!.toString("latin1"));
  }
  if (listed !== undefined) removeListed(out, listed);
  if (location !== -1 && x.service!.rewriteRedirects) {
    const at =
      listed === undefined
        ? location
        : out.findIndex((name, i) => i % 2 === 0 && /^location$/i.test(name)) + 1;
    if (at > 0) out[at] = rewriteLocation(x, out[at]!);
  }
  if (x.answerHeaders !== undefined) out.push(...x.answerHeaders);
  return out;
}

function addOptions(listed: Set<string> | undefined, value: string): Set<string> | undefined {
  for (const option of value.split(",")) {
    const name = option.trim().toLowerCase();
    if (name === "" || name === "close" || name === "keep-alive" || name === "upgrade") continue;
    listed ??= new Set();
    listed.add(name);
  }
  return listed;
}

function removeListed(out: string[], listed: Set<string>): void {
  for (let i = out.length - 2; i >= 0; i -= 2) {
    const lower = out[i]!.toLowerCase();
    // Framing is not up for negotiation.
    if (listed.has(lower) && lower !== "content-length") out.splice(i, 2);
  }
}

/**
 * Turns a redirect to the target's own address into one to the public address: host, scheme and, where a prefix was
 * stripped, the prefix. Everything else (relative, other hosts, not an address at all) stays as it is.
 */
export function rewriteLocation(x: Exchange, location: string): string {
  const target = x.target!;
  const match = /^(https?):\/\/([^/?#]*)(.*)$/is.exec(location);
  if (match === null) return location;
  const scheme = match[1]!.toLowerCase();
  const authority = match[2]!;
  const host = hostOf(authority);
  if (host === undefined || host !== hostOf(target.authority)) return location;
  const port = portOf(authority) ?? (scheme === "https" ? "443" : "80");
  const own = portOf(target.authority) ?? (target.scheme === "https" ? "443" : "80");
  // A target that sends to https on its default port while we speak http to its default port means the same place.
  const defaults =
    (portOf(authority) === undefined || port === (scheme === "https" ? "443" : "80")) &&
    own === (target.scheme === "https" ? "443" : "80");
  if (port !== own && !defaults) return location;
  let rest = match[3]!;
  if (target.basePath !== "" && rest.startsWith(target.basePath)) rest = rest.slice(target.basePath.length);
  const { strip, prefix: matched } = x.route!;
  const prefix = strip ? matched.text : "";
  if (rest === "" || rest.charCodeAt(0) === 47) return `${schemeOf(x)}://${x.authority}${prefix}${rest}`;
  return `${schemeOf(x)}://${x.authority}${prefix}/${rest}`;
}
