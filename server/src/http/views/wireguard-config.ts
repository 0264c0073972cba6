import type { Peer } from "../../store/peers.ts";

const KEEPALIVE_SECONDS = 25;
export const INSERT_PRIVATE_KEY = "<insert the private key of this device>";

/**
 * The file that wg-quick(8) reads, with one peer per proxy. A device dials the proxies; the keepalive holds its NAT open.
 * Without a private key the line stays invalid on purpose: wg-quick then says what is missing instead of starting a
 * tunnel that cannot work.
 */
export function wireguardConfig(
  device: Pick<Peer, "ip" | "ipv6">,
  proxies: readonly Peer[],
  keys: { privateKey?: string; presharedKey?: string },
): string {
  const sections = [
    [
      "[Interface]",
      `PrivateKey = ${keys.privateKey ?? INSERT_PRIVATE_KEY}`,
      `Address = ${hostPrefixes(device)}`,
    ],
    ...proxies
      .filter(({ wireguardEndpoint }) => wireguardEndpoint)
      .map((proxy) => [
        "[Peer]",
        `# ${proxy.name}`,
        `PublicKey = ${proxy.publicKey}`,
        ...(keys.presharedKey === undefined ? [] : [`PresharedKey = ${keys.presharedKey}`]),
        `Endpoint = ${proxy.wireguardEndpoint}`,
        `AllowedIPs = ${hostPrefixes(proxy)}`,
        `PersistentKeepalive = ${KEEPALIVE_SECONDS}`,
      ]),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function hostPrefixes({ ip, ipv6 }: Pick<Peer, "ip" | "ipv6">): string {
  return ipv6 ? `${ip}/32, ${ipv6}/128` : `${ip}/32`;
}
