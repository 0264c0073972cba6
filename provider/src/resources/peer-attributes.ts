import type { Peer } from "../client/api-types.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import { flag, integer, setOfText, type ToldOf, text } from "../framework/schema.ts";
import { timeOrNull } from "./zero-time.ts";

const kept = { computed: true, modifiers: [useStateForUnknown()] };

/** What a peer says about itself, and what the server saw of it. */
export const reportedAttributes = {
  hostname: text({ description: "Host name that the peer reported.", ...kept }),
  dns_label: text({ description: "DNS name in the overlay network.", ...kept }),
  extra_dns_labels: setOfText({ description: "Further DNS names.", ...kept }),
  connected: flag({ description: "Whether the peer is connected now.", ...kept }),
  connection_ip: text({ description: "Address it connects from; null when not known.", ...kept }),
  last_seen: text({ description: "When it was seen last, RFC 3339.", ...kept }),
  last_login: text({ description: "When it logged in last, RFC 3339; null when never.", ...kept }),
  login_expired: flag({ description: "Whether it has to log in again.", ...kept }),
  os: text({ description: "Operating system.", ...kept }),
  kernel_version: text({ description: "Version of its kernel.", ...kept }),
  version: text({ description: "Version of the agent.", ...kept }),
  ui_version: text({ description: "Version of the agent's user interface.", ...kept }),
  serial_number: text({ description: "Serial number of the machine.", ...kept }),
  country_code: text({ description: "Country it connects from.", ...kept }),
  city_name: text({ description: "City it connects from.", ...kept }),
  geoname_id: integer({ description: "The city's id at geonames.org.", ...kept }),
  user_id: text({ description: "Id of the user who added it; null when it joined with a key.", ...kept }),
  ephemeral: flag({ description: "Whether it is removed when it stays offline.", ...kept }),
  created_at: text({ description: "When it joined, RFC 3339; null where the server does not say.", ...kept }),
  kind: text({
    description: "`agent`, or `wireguard` for a stock WireGuard device; null where the server does not say.",
    ...kept,
  }),
  latest_handshake: text({
    description: "Time of the latest WireGuard handshake with a proxy, RFC 3339; null when there was none.",
    ...kept,
  }),
};

export function toldReported(peer: Peer): ToldOf<typeof reportedAttributes> {
  return {
    hostname: peer.hostname,
    dns_label: peer.dns_label,
    extra_dns_labels: peer.extra_dns_labels ?? [],
    connected: peer.connected,
    connection_ip: peer.connection_ip || null,
    last_seen: peer.last_seen,
    last_login: timeOrNull(peer.last_login),
    login_expired: peer.login_expired,
    os: peer.os,
    kernel_version: peer.kernel_version,
    version: peer.version,
    ui_version: peer.ui_version,
    serial_number: peer.serial_number,
    country_code: peer.country_code,
    city_name: peer.city_name,
    geoname_id: peer.geoname_id,
    user_id: peer.user_id || null,
    ephemeral: peer.ephemeral ?? false,
    created_at: peer.created_at ?? null,
    kind: peer.kind ?? null,
    latest_handshake: peer.latest_handshake ?? null,
  };
}
