import Type, { type Static } from "typebox";
import { GroupSummary, Nullable, Timestamp } from "./shared.ts";

/** Ours: registers a stock WireGuard device (kernel, router, phone) by its public key. */
export const PeerRequest = Type.Object(
  {
    name: Type.String({ default: "" }),
    public_key: Type.Optional(
      Type.String({ description: "Standard base64, 44 characters. Absent: the server makes a key pair." }),
    ),
    groups: Type.Optional(Type.Array(Type.String(), { description: "Group ids." })),
    preshared_key: Type.Optional(
      Type.Boolean({ description: "true: protect the tunnels with a shared key too." }),
    ),
  },
  { title: "PeerRequest" },
);
export type PeerRequest = Static<typeof PeerRequest>;

export const PeerUpdate = Type.Object(
  {
    name: Type.String({ default: "" }),
    ssh_enabled: Type.Boolean({ default: false }),
    login_expiration_enabled: Type.Boolean({ default: false }),
    inactivity_expiration_enabled: Type.Boolean({ default: false }),
    approval_required: Type.Optional(Type.Boolean()),
    ip: Type.Optional(Type.String({ description: "A free IPv4 address of the account's range." })),
    ipv6: Type.Optional(Type.String({ description: "A free IPv6 address of the account's range." })),
  },
  { title: "PeerUpdate" },
);
export type PeerUpdate = Static<typeof PeerUpdate>;

const fields = {
  id: Type.String(),
  name: Type.String(),
  ip: Type.String(),
  ipv6: Type.Optional(Type.String()),
  connection_ip: Type.String(),
  connected: Type.Boolean(),
  last_seen: Timestamp,
  os: Type.String(),
  kernel_version: Type.String(),
  geoname_id: Type.Integer(),
  version: Type.String(),
  groups: Nullable(Type.Array(GroupSummary)),
  ssh_enabled: Type.Boolean(),
  hostname: Type.String(),
  user_id: Type.String(),
  ui_version: Type.String(),
  dns_label: Type.String(),
  extra_dns_labels: Type.Array(Type.String()),
  login_expiration_enabled: Type.Boolean(),
  login_expired: Type.Boolean(),
  last_login: Timestamp,
  inactivity_expiration_enabled: Type.Boolean(),
  approval_required: Type.Boolean(),
  country_code: Type.String(),
  city_name: Type.String(),
  serial_number: Type.String(),
  created_at: Timestamp,
  ephemeral: Type.Boolean(),
  // The rest is ours.
  kind: Type.Enum(["agent", "wireguard"]),
  public_key: Type.String(),
  latest_handshake: Type.Optional(Timestamp),
};

export const Peer = Type.Object(fields, { title: "Peer" });
export type Peer = Static<typeof Peer>;

export const PeerListItem = Type.Object(
  { ...fields, accessible_peers_count: Type.Integer() },
  { title: "PeerListItem" },
);
export type PeerListItem = Static<typeof PeerListItem>;

export const PeerCreated = Type.Object(
  {
    ...fields,
    private_key: Type.Optional(
      Type.String({ description: "Only when the server made the key pair; shown once." }),
    ),
    wireguard_config: Type.String({
      description:
        "A wg-quick file; complete when the server made the key pair, otherwise insert the private key.",
    }),
  },
  { title: "PeerCreated" },
);
export type PeerCreated = Static<typeof PeerCreated>;

export const PeerListQuery = Type.Object({
  name: Type.Optional(Type.String({ description: "Part of the name." })),
  ip: Type.Optional(Type.String({ description: "Part of the address." })),
});
export type PeerListQuery = Static<typeof PeerListQuery>;
