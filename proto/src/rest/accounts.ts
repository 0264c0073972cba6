import Type, { type Static } from "typebox";
import { Nullable, Timestamp } from "./shared.ts";

const extra = {
  peer_approval_enabled: Type.Boolean({ default: false }),
  user_approval_required: Type.Boolean({ default: false }),
  network_traffic_logs_enabled: Type.Boolean({ default: false }),
  network_traffic_logs_groups: Type.Array(Type.String(), { default: [] }),
  network_traffic_packet_counter_enabled: Type.Boolean({ default: false }),
};

export const AccountExtraSettings = Type.Object(extra, { title: "AccountExtraSettings" });
export type AccountExtraSettings = Static<typeof AccountExtraSettings>;

/** What is the same in a request and in an answer. Absent means the default, because a PUT replaces everything. */
const plain = {
  peer_login_expiration_enabled: Type.Boolean({ default: false }),
  peer_login_expiration: Type.Integer({ default: 0, description: "Seconds, 1 hour to 180 days." }),
  peer_inactivity_expiration_enabled: Type.Boolean({ default: false }),
  peer_inactivity_expiration: Type.Integer({ default: 0, description: "Seconds." }),
  regular_users_view_blocked: Type.Boolean({ default: false }),
  groups_propagation_enabled: Type.Boolean({ default: false }),
  jwt_groups_enabled: Type.Boolean({ default: false }),
  jwt_groups_claim_name: Type.String({ default: "" }),
  jwt_allow_groups: Type.Array(Type.String(), { default: [], description: "Names, not ids." }),
  routing_peer_dns_resolution_enabled: Type.Boolean({ default: false }),
  lazy_connection_enabled: Type.Boolean({ default: false }),
  dns_domain: Type.String({ default: "", description: "Empty: the server's default." }),
  ipv6_enabled_groups: Type.Array(Type.String(), { default: [], description: "Group ids." }),
  peer_expose_enabled: Type.Boolean({ default: false }),
  auto_update_version: Type.String({ default: "", description: "latest, disabled, or a version." }),
  auto_update_always: Type.Boolean({ default: false }),
  metrics_push_enabled: Type.Boolean({ default: false }),
  local_mfa_enabled: Type.Boolean({ default: false }),
};

const branding = {
  branding_name: "Shown on the sign-in pages of services, at most 64 characters; empty for none.",
  branding_logo: "PNG, JPEG or WebP as a data: URL, at most 24,576 characters; empty for none.",
  branding_color: "Of buttons and marks, such as #1d4ed8; empty for the usual one.",
};

export const AccountSettingsRequest = Type.Object(
  {
    ...plain,
    branding_name: Type.Optional(Type.String({ description: `${branding.branding_name} Absent: as it is.` })),
    branding_logo: Type.Optional(Type.String({ description: `${branding.branding_logo} Absent: as it is.` })),
    branding_color: Type.Optional(
      Type.String({ description: `${branding.branding_color} Absent: as it is.` }),
    ),
    peer_expose_groups: Type.Optional(Type.Array(Type.String(), { description: "Group ids." })),
    network_range: Type.Optional(
      Type.String({ description: "IPv4 CIDR. Absent: as it is. Another one gives peers new addresses." }),
    ),
    network_range_v6: Type.Optional(
      Type.String({ description: "IPv6 CIDR. Absent: as it is. Another one gives peers new addresses." }),
    ),
    extra: Type.Optional(AccountExtraSettings),
  },
  { title: "AccountSettingsRequest", default: {} },
);
export type AccountSettingsRequest = Static<typeof AccountSettingsRequest>;

export const AccountSettings = Type.Object(
  {
    ...plain,
    peer_expose_groups: Nullable(Type.Array(Type.String())),
    network_range: Type.String(),
    network_range_v6: Type.String(),
    extra: AccountExtraSettings,
    branding_name: Type.String({ description: branding.branding_name }),
    branding_logo: Type.String({ description: branding.branding_logo }),
    branding_color: Type.String({ description: branding.branding_color }),
    embedded_idp_enabled: Type.Boolean({ readOnly: true }),
    local_auth_disabled: Type.Boolean({ readOnly: true }),
  },
  { title: "AccountSettings" },
);
export type AccountSettings = Static<typeof AccountSettings>;

export const AccountOnboarding = Type.Object(
  {
    onboarding_flow_pending: Type.Boolean({ default: false }),
    signup_form_pending: Type.Boolean({ default: false }),
  },
  { title: "AccountOnboarding" },
);
export type AccountOnboarding = Static<typeof AccountOnboarding>;

export const AccountRequest = Type.Object(
  {
    settings: AccountSettingsRequest,
    onboarding: Type.Optional(AccountOnboarding),
  },
  { title: "AccountRequest" },
);
export type AccountRequest = Static<typeof AccountRequest>;

export const Account = Type.Object(
  {
    id: Type.String(),
    created_at: Timestamp,
    created_by: Type.String(),
    domain: Type.String(),
    domain_category: Type.String(),
    onboarding: AccountOnboarding,
    settings: AccountSettings,
  },
  { title: "Account" },
);
export type Account = Static<typeof Account>;
