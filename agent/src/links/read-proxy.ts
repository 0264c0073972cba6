import type { agent } from "@netbird-proxy/proto/grpc";
import { keyFromBase64 } from "@netbird-proxy/tunnel";
import { parseIpPrefix } from "../forward/ip-prefix.ts";

/** A proxy as the tunnel needs it. */
export interface ProxyLinkConfig {
  peerId: string;
  proxyId: string;
  publicKey: Uint8Array;
  presharedKey: Uint8Array | undefined;
  /** `host:port`, not resolved yet. */
  endpoint: string;
  allowedIps: readonly string[];
  /** The proxy's overlay address, the one to ask for a sign of life. */
  address: string;
}

export type ReadProxy = { ok: true; value: ProxyLinkConfig } | { ok: false; why: string };

export function readProxy(proxy: agent.ProxyPeer): ReadProxy {
  const publicKey = keyFromBase64(proxy.publicKey);
  if (publicKey === undefined) return { ok: false, why: "its public key is no WireGuard key" };
  const presharedKey = proxy.presharedKey === "" ? undefined : keyFromBase64(proxy.presharedKey);
  if (proxy.presharedKey !== "" && presharedKey === undefined)
    return { ok: false, why: "its pre-shared key is no WireGuard key" };
  const bad = proxy.allowedIps.find((prefix) => parseIpPrefix(prefix) === undefined);
  if (bad !== undefined) return { ok: false, why: `its allowed address "${bad}" is no prefix` };
  const [first] = proxy.allowedIps;
  if (first === undefined) return { ok: false, why: "it has no address" };
  return {
    ok: true,
    value: {
      peerId: proxy.peerId,
      proxyId: proxy.proxyId,
      publicKey,
      presharedKey,
      endpoint: proxy.endpoint,
      allowedIps: proxy.allowedIps,
      address: first.split("/")[0]!,
    },
  };
}

/** Whether a change needs the peer to be set again. */
export function sameLink(a: ProxyLinkConfig, b: ProxyLinkConfig): boolean {
  const text = (key: Uint8Array | undefined) => (key === undefined ? "" : Buffer.from(key).toString("hex"));
  return (
    a.endpoint === b.endpoint &&
    text(a.publicKey) === text(b.publicKey) &&
    text(a.presharedKey) === text(b.presharedKey) &&
    a.allowedIps.join() === b.allowedIps.join()
  );
}
