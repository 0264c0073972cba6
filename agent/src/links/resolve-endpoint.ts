import { isIP } from "node:net";
import type { Lookup } from "../forward/resolve-name.ts";

export type Endpoint = { ok: true; endpoints: readonly string[] } | { ok: false; why: string };

/**
 * Turns `host:port`, `[v6]:port` or `name:port` into endpoints with literal addresses.
 *
 * @returns IPv4 before IPv6: an IPv6 path that is broken somewhere gives no error over UDP, only silence
 */
export async function resolveEndpoint(text: string, lookup: Lookup): Promise<Endpoint> {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) return { ok: false, why: `"${text}" is no host:port` };
  let addresses: readonly string[];
  if (isIP(host) !== 0) addresses = [host];
  else {
    try {
      addresses = await lookup(host);
    } catch (error) {
      return { ok: false, why: (error as NodeJS.ErrnoException).code ?? (error as Error).message };
    }
  }
  if (addresses.length === 0) return { ok: false, why: "no addresses" };
  const sorted = [...addresses].sort((a, b) => isIP(a) - isIP(b));
  return {
    ok: true,
    endpoints: sorted.map((address) => (isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`)),
  };
}
