import { Account } from "@netbird-proxy/proto/rest";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";

const INVALID = [422, "account.invalid"] as [number, string];

const off = [
  "peer_login_expiration_enabled",
  "peer_inactivity_expiration_enabled",
  "regular_users_view_blocked",
  "groups_propagation_enabled",
  "jwt_groups_enabled",
  "routing_peer_dns_resolution_enabled",
  "lazy_connection_enabled",
  "auto_update_always",
  "metrics_push_enabled",
  "local_mfa_enabled",
];
const extraOff = [
  "peer_approval_enabled",
  "user_approval_required",
  "network_traffic_logs_enabled",
  "network_traffic_packet_counter_enabled",
];

type Values = Record<string, unknown>;
const takes = (field: string, why: string, send: Values, gives: Values = send) =>
  accepts(`settings.${field}`, why, { settings: send }, { settings: gives });
const rejects = (field: string, why: string, send: Values, at = field) =>
  refuses(`settings.${field}`, why, { settings: send }, [...INVALID, `settings.${at}`]);
const range = (why: string, sent: string, shown = sent) =>
  takes("network_range", why, { network_range: sent }, { network_range: shown });
const noRange = (why: string, sent: string) => rejects("network_range", why, { network_range: sent });
const rangeV6 = (why: string, sent: string, shown = sent) =>
  takes("network_range_v6", why, { network_range_v6: sent }, { network_range_v6: shown });
const noRangeV6 = (why: string, sent: string) => rejects("network_range_v6", why, { network_range_v6: sent });
const version = (sent: string) =>
  takes("auto_update_version", sent || "empty", { auto_update_version: sent });
const noVersion = (sent: string) => rejects("auto_update_version", sent, { auto_update_version: sent });
const domain = (sent: string) => takes("dns_domain", sent || "empty", { dns_domain: sent });
const noDomain = (sent: string) => rejects("dns_domain", sent, { dns_domain: sent });

checkFieldTable({
  object: "account settings",
  section: "§4.11",
  collection: "/accounts",
  listOnly: true,
  fixed: "/accounts/$account",
  put: {
    settings: {
      peer_login_expiration: 86_400,
      extra: Object.fromEntries([
        ...extraOff.map((key) => [key, true]),
        ["network_traffic_logs_groups", ["$group"]],
      ]),
    },
  },
  fields: {
    put: {
      settings: "object",
      onboarding: "object",
      ...Object.fromEntries(off.map((key) => [`settings.${key}`, "boolean"] as const)),
      "settings.peer_login_expiration": "integer",
      "settings.peer_inactivity_expiration": "integer",
      "settings.jwt_groups_claim_name": "string",
      "settings.jwt_allow_groups": "strings",
      "settings.branding_name": "string",
      "settings.branding_logo": "string",
      "settings.branding_color": "string",
      "settings.dns_domain": "string",
      "settings.network_range": "string",
      "settings.network_range_v6": "string",
      "settings.ipv6_enabled_groups": "strings",
      "settings.peer_expose_enabled": "boolean",
      "settings.peer_expose_groups": "strings",
      "settings.auto_update_version": "string",
      "settings.extra": "object",
      ...Object.fromEntries(extraOff.map((key) => [`settings.extra.${key}`, "boolean"] as const)),
      "settings.extra.network_traffic_logs_groups": "strings",
    },
  },
  answer: Account,
  rows: [
    takes("branding_name", "any text", { branding_name: "Müller & <Söhne>" }),
    takes("branding_color", "seen on white", { branding_color: "#2563eb" }),
    takes("branding_color", "empty is the usual one", { branding_color: "" }),
    rejects("branding_name", "too long", { branding_name: "x".repeat(65) }),
    rejects("branding_logo", "an address", { branding_logo: "https://example.com/logo.png" }),
    rejects("branding_color", "not seen on white", { branding_color: "#ffff00" }),
    rejects("branding_color", "no color", { branding_color: "blue" }),

    ...off.flatMap((key) => [
      takes(key, "as sent", { [key]: true }),
      takes(key, "absent is false", {}, { [key]: false }),
    ]),
    takes("peer_login_expiration", "one hour", { peer_login_expiration: 3_600 }),
    takes("peer_login_expiration", "180 days", { peer_login_expiration: 15_552_000 }),
    rejects("peer_login_expiration", "absent is 0, and that is refused", { peer_login_expiration: ABSENT }),
    rejects("peer_login_expiration", "below one hour", { peer_login_expiration: 3_599 }),
    rejects("peer_login_expiration", "above 180 days", { peer_login_expiration: 15_552_001 }),
    rejects("peer_login_expiration", "also when it is off", {
      peer_login_expiration_enabled: false,
      peer_login_expiration: -1,
    }),
    takes("peer_inactivity_expiration", "as sent", { peer_inactivity_expiration: 600 }),
    takes("peer_inactivity_expiration", "absent is 0", {}, { peer_inactivity_expiration: 0 }),
    rejects("peer_inactivity_expiration", "negative", { peer_inactivity_expiration: -1 }),
    rejects("peer_inactivity_expiration", "longer than clients can hold", {
      peer_inactivity_expiration: 1e300,
    }),
    takes("jwt_groups_claim_name", "as sent", { jwt_groups_claim_name: "groups" }),
    takes("jwt_groups_claim_name", "absent is empty", {}, { jwt_groups_claim_name: "" }),
    takes("jwt_allow_groups", "names, as sent", { jwt_allow_groups: ["b", "a"] }),
    takes("jwt_allow_groups", "absent is none", {}, { jwt_allow_groups: [] }),
    domain(""),
    domain("corp.example.com"),
    domain("internal"),
    takes("dns_domain", "absent is empty", {}, { dns_domain: "" }),
    noDomain("*.example.com"),
    noDomain("two words"),
    noDomain("-x.example.com"),
    range("as sent", "10.20.0.0/16"),
    range("host bits are masked", "10.20.3.4/16", "10.20.0.0/16"),
    range("/28 is the smallest", "10.30.0.0/28"),
    takes("network_range", "absent keeps what is in effect", {}, { network_range: "10.30.0.0/28" }),
    noRange("/29 is too small", "10.20.0.0/29"),
    noRange("loopback", "127.0.0.0/16"),
    noRange("multicast", "224.0.0.0/8"),
    noRange("link-local", "169.254.0.0/16"),
    noRange("around loopback", "0.0.0.0/0"),
    noRange("IPv6", "fd00::/64"),
    noRange("no CIDR", "10.20.0.0"),
    noRange("text", "lots"),
    rangeV6("as sent", "fd12:3456::/64"),
    rangeV6("host bits are masked", "fd12:3456::7/64", "fd12:3456::/64"),
    rangeV6("/48 is the largest", "fd12:3456:1::/48"),
    rangeV6("/120 is the smallest", "fd12::/120"),
    noRangeV6("above /48", "fd00::/47"),
    noRangeV6("below /120", "fd00::/121"),
    noRangeV6("IPv4", "10.0.0.0/16"),
    noRangeV6("multicast", "ff02::/64"),
    takes("ipv6_enabled_groups", "as sent", { ipv6_enabled_groups: ["$group", "$all"] }),
    takes("ipv6_enabled_groups", "absent is none", {}, { ipv6_enabled_groups: [] }),
    rejects(
      "ipv6_enabled_groups",
      "an unknown id",
      { ipv6_enabled_groups: ["no"] },
      "ipv6_enabled_groups[0]",
    ),
    takes("peer_expose_enabled", "with a group", {
      peer_expose_enabled: true,
      peer_expose_groups: ["$group"],
    }),
    takes("peer_expose_enabled", "absent is false", {}, { peer_expose_enabled: false }),
    rejects("peer_expose_groups", "absent though enabled", { peer_expose_enabled: true }),
    rejects("peer_expose_groups", "empty though enabled", {
      peer_expose_enabled: true,
      peer_expose_groups: [],
    }),
    takes("peer_expose_groups", "absent is null", {}, { peer_expose_groups: null }),
    rejects("peer_expose_groups", "an unknown id", { peer_expose_groups: ["no"] }, "peer_expose_groups[0]"),
    ...["", "latest", "disabled", "0.60.1", "v0.60.1", "1.2.3-rc.1+b7"].map(version),
    takes("auto_update_version", "absent is empty", {}, { auto_update_version: "" }),
    ...["newest", "1.2", "1.2.3.4", "Latest"].map(noVersion),
    ...extraOff.flatMap((key) => [
      takes(`extra.${key}`, "as sent", { extra: { [key]: false } }),
      takes(`extra.${key}`, "absent is false", { extra: { [key]: ABSENT } }, { extra: { [key]: false } }),
    ]),
    takes("extra.network_traffic_logs_groups", "as sent", {
      extra: { network_traffic_logs_groups: ["$group2"] },
    }),
    takes(
      "extra.network_traffic_logs_groups",
      "absent is none",
      { extra: { network_traffic_logs_groups: ABSENT } },
      { extra: { network_traffic_logs_groups: [] } },
    ),
    rejects(
      "extra.network_traffic_logs_groups",
      "an unknown id",
      { extra: { network_traffic_logs_groups: ["no"] } },
      "extra.network_traffic_logs_groups[0]",
    ),
    takes("extra", "absent keeps what was there", { extra: ABSENT }, { extra: {} }),
    takes(
      "embedded_idp_enabled, local_auth_disabled",
      "are read-only",
      { local_auth_disabled: true },
      {
        local_auth_disabled: false,
      },
    ),
    refuses("settings", "absent is all zero values", { settings: ABSENT }, [
      ...INVALID,
      "settings.peer_login_expiration",
    ]),
    accepts(
      "onboarding",
      "as sent",
      { onboarding: { onboarding_flow_pending: true, signup_form_pending: false } },
      {
        onboarding: { onboarding_flow_pending: true, signup_form_pending: false },
      },
    ),
    accepts(
      "onboarding",
      "absent keeps what was there",
      {},
      {
        onboarding: { onboarding_flow_pending: true, signup_form_pending: false },
      },
    ),
    accepts(
      "domain, created_by",
      "cannot be changed",
      { domain: "evil.example", created_by: "me" },
      { created_by: "$owner" },
    ),
  ],
});
