import type { Peer } from "../client/api-types.ts";
import { flag, setOfText, text } from "../framework/schema.ts";

/** What is shown of a peer beside the attributes that find it. */
export const peerDetails = {
  ipv6: text({ description: "IPv6 address in the overlay network; null without one.", computed: true }),
  hostname: text({ description: "Host name that the peer reported.", computed: true }),
  dns_label: text({ description: "DNS name in the overlay network.", computed: true }),
  connected: flag({ description: "Whether the peer is connected now.", computed: true }),
  last_seen: text({ description: "When it was seen last, RFC 3339.", computed: true }),
  os: text({ description: "Operating system.", computed: true }),
  version: text({ description: "Version of the agent.", computed: true }),
  kind: text({
    description: "`agent`, or `wireguard` for a stock WireGuard device; null where the server does not say.",
    computed: true,
  }),
  groups: setOfText({ description: "Ids of the groups that it is in.", computed: true }),
};

export function toldPeer(peer: Peer) {
  return {
    id: peer.id,
    name: peer.name,
    ip: peer.ip,
    ipv6: peer.ipv6 ?? null,
    hostname: peer.hostname,
    dns_label: peer.dns_label,
    connected: peer.connected,
    last_seen: peer.last_seen,
    os: peer.os,
    version: peer.version,
    kind: peer.kind ?? null,
    groups: (peer.groups ?? []).map(({ id }) => id),
  };
}
