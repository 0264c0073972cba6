import { isIP } from "node:net";
import { isDomainName } from "./domain-name.ts";

const DNS_PORT = 53;

/** `host`, `host:port`, an IPv6 address, or one in brackets with a port. @returns undefined for anything else */
export function readServerAddress(text: string): { host: string; port: number } | undefined {
  if (isIP(text) !== 0) return { host: text, port: DNS_PORT };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const host = match[1] ?? match[2]!;
  const port = match[3] === undefined ? DNS_PORT : Number(match[3]);
  if (port < 1 || port > 65_535) return undefined;
  if (match[1] === undefined ? isIP(host) === 4 || isDomainName(host) : isIP(host) === 6)
    return { host, port };
  return undefined;
}
