import type { Peer } from "@netbird-proxy/proto/rest";
import { DEFAULT_DNS_DOMAIN } from "../../domain/account-defaults.ts";
import type { Account } from "../../store/accounts.ts";
import type { GroupWithMembers } from "../../store/groups.ts";
import type { Peer as StoredPeer } from "../../store/peers.ts";
import { groupsOfPeer } from "./group.ts";
import { timestamp, timestampOrNever } from "./timestamp.ts";

// NetBird shows a peer without a handshake for this long as offline; WireGuard gives a session up after it.
const DEVICE_OFFLINE_MS = 3 * 60_000;

/** A stock device has no control stream: it is connected while its handshakes are fresh. */
export function isConnected(peer: StoredPeer, nowMs: number): boolean {
  if (peer.kind !== "wireguard") return peer.connected;
  return peer.latestHandshake !== null && nowMs - peer.latestHandshake < DEVICE_OFFLINE_MS;
}

export function viewPeer(
  peer: StoredPeer,
  account: Account,
  groups: readonly GroupWithMembers[],
  nowMs: number,
): Peer {
  const dnsDomain = account.settings.dns_domain || DEFAULT_DNS_DOMAIN;
  return {
    id: peer.id,
    name: peer.name,
    ip: peer.ip,
    ...(peer.ipv6 === null ? {} : { ipv6: peer.ipv6 }),
    connection_ip: peer.connectionIp,
    connected: isConnected(peer, nowMs),
    last_seen: timestamp(
      peer.kind === "wireguard" && peer.latestHandshake !== null ? peer.latestHandshake : peer.lastSeen,
    ),
    os: peer.os,
    kernel_version: peer.kernelVersion,
    geoname_id: 0,
    version: peer.version,
    groups: groupsOfPeer(groups, peer.id),
    ssh_enabled: peer.sshEnabled,
    hostname: peer.hostname,
    user_id: peer.userId ?? "",
    ui_version: "",
    dns_label: `${peer.dnsLabel}.${dnsDomain}`,
    extra_dns_labels: [],
    login_expiration_enabled: peer.loginExpirationEnabled,
    login_expired: false,
    last_login: timestampOrNever(peer.lastLogin),
    inactivity_expiration_enabled: peer.inactivityExpirationEnabled,
    approval_required: false,
    country_code: "",
    city_name: "",
    serial_number: "",
    created_at: timestamp(peer.createdAt),
    ephemeral: peer.ephemeral,
    kind: peer.kind === "wireguard" ? "wireguard" : "agent",
    public_key: peer.publicKey,
    ...(peer.latestHandshake === null ? {} : { latest_handshake: timestamp(peer.latestHandshake) }),
  };
}
