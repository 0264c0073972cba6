import { CLUSTER } from "../../../server/test/support/rest-server.ts";
import type { Json } from "../support/management-server.ts";
import type { ReplacementCase, Written } from "./replacement-case.ts";
import { OTHER_CLUSTER, type ReplacementWorld } from "./replacement-world.ts";

const text = (value: string) => `"${value}"`;

/** What is written instead, one attribute after the other. */
const each = (others: Written) =>
  Object.entries(others).map(([by, value]) => ({ by, written: { [by]: value } }));

const domainCase = (type: string, domain: string): ReplacementCase => ({
  type,
  written: { domain: text(`${domain}.example.org`), target_cluster: text(CLUSTER) },
  replacements: each({ domain: text(`other-${domain}.example.org`), target_cluster: text(OTHER_CLUSTER) }),
  collection: () => "/reverse-proxies/domains",
});

/** Every resource that can be replaced, by every attribute that can replace it. */
export function replacementCases(world: ReplacementWorld): ReplacementCase[] {
  const { peers, groups, networks, users, services } = world;
  return [
    domainCase("netbird_custom_domain", "apps"),
    domainCase("netbird_reverse_proxy_domain", "old"),
    {
      type: "netbird_network_resource",
      written: { network_id: text(networks[0]), name: text("database"), address: text("10.1.2.3") },
      // With the same name the new one could only come after the old one.
      replacements: [
        { by: "network_id", written: { network_id: text(networks[1]), name: text("other database") } },
      ],
      collection: ({ network_id }: Json) => `/networks/${network_id}/resources`,
    },
    {
      type: "netbird_network_router",
      written: { network_id: text(networks[0]), peer_groups: `["${groups[0]}"]` },
      replacements: each({ network_id: text(networks[1]) }),
      collection: ({ network_id }: Json) => `/networks/${network_id}/routers`,
    },
    {
      type: "netbird_peer",
      written: { id: text(peers[0]), keep_on_destroy: "true" },
      replacements: each({ id: text(peers[1]) }),
      collection: () => "/peers",
      stays: true,
    },
    {
      type: "netbird_wireguard_peer",
      written: { name: text("phone"), public_key: text("xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=") },
      replacements: each({
        public_key: text("HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw="),
        preshared_key: "true",
      }).map((one) =>
        // The same key twice would be refused.
        one.by === "preshared_key"
          ? { ...one, written: { ...one.written, public_key: undefined }, forcedBy: ["preshared_key"] }
          : one,
      ),
      collection: () => "/peers",
    },
    {
      type: "netbird_setup_key",
      written: { name: text("agents"), usage_limit: "5", expiry_seconds: "3600" },
      replacements: [
        ...each({
          name: text("servers"),
          usage_limit: "6",
          expiry_seconds: "7200",
          ephemeral: "true",
          allow_extra_dns_labels: "true",
        }),
        { by: "type", written: { type: text("one-off"), usage_limit: undefined } },
      ],
      collection: () => "/setup-keys",
    },
    {
      type: "netbird_proxy_token",
      written: { name: text("fra"), expiry_seconds: "3600" },
      replacements: each({ name: text("ams"), expiry_seconds: "7200" }),
      collection: () => "/reverse-proxies/proxy-tokens",
    },
    {
      type: "netbird_token",
      written: { user_id: text(users[0]), name: text("ci"), expiration_days: "30" },
      replacements: each({ user_id: text(users[1]), name: text("cd"), expiration_days: "31" }),
      collection: ({ user_id }: Json) => `/users/${user_id}/tokens`,
    },
    {
      type: "netbird_user",
      written: { name: text("Ada"), email: text("ada@example.com"), role: text("auditor") },
      replacements: [
        ...each({ email: text("lovelace@example.com"), name: text("Lovelace") }),
        {
          by: "is_service_user",
          written: { is_service_user: "true", email: undefined },
          // Programs have no address, so the one needs the other.
          forcedBy: ["email", "is_service_user"],
        },
      ],
      collection: () => "/users",
    },
    ...serviceCases(peers[0]),
    ...ofServiceCases(peers[0], services),
  ];
}

function serviceCases(peer: string): ReplacementCase[] {
  const collection = () => "/reverse-proxies/services";
  const target = { target_type: text("peer"), target_id: text(peer), port: "3000" };
  const object = (written: Written) =>
    `{ ${Object.entries(written)
      .map(([name, value]) => `${name} = ${value}`)
      .join(", ")} }`;
  return [
    {
      type: "netbird_proxy_service",
      written: {
        name: text("shop"),
        domain: text(`shop.${CLUSTER}`),
        targets: `{ "/" = ${object(target)} }`,
        public: "true",
        wait_for_live: "false",
      },
      replacements: [
        {
          by: "mode",
          written: {
            mode: text("tcp"),
            listen_port: "15432",
            domain: text(`shop-tcp.${CLUSTER}`),
            targets: undefined,
            target: object(target),
          },
        },
      ],
      collection,
    },
    {
      type: "netbird_reverse_proxy_service",
      written: {
        name: text("old"),
        domain: text(`old.${CLUSTER}`),
        targets: `[${object({ ...target, protocol: text("http") })}]`,
        auth: "{}",
      },
      replacements: [
        {
          by: "mode",
          written: {
            mode: text("tcp"),
            listen_port: "15433",
            domain: text(`old-tcp.${CLUSTER}`),
            targets: `[${object({ ...target, protocol: text("tcp") })}]`,
          },
        },
      ],
      collection,
    },
  ];
}

function ofServiceCases(peer: string, [first, second]: readonly [string, string]): ReplacementCase[] {
  const collection = (name: string) => (state: Json) =>
    `/reverse-proxies/services/${state.service_id}/${name}`;
  return [
    {
      type: "netbird_proxy_service_target",
      written: {
        service_id: text(first),
        path: text("/api"),
        target_type: text("peer"),
        target_id: text(peer),
        wait_for_live: "false",
      },
      replacements: each({ service_id: text(second), path: text("/rest") }),
      collection: collection("targets"),
    },
    {
      type: "netbird_proxy_service_token",
      written: { service_id: text(first), name: text("ci"), expiry_seconds: "3600" },
      replacements: each({ service_id: text(second), name: text("cd"), expiry_seconds: "7200" }),
      collection: collection("tokens"),
    },
    {
      type: "netbird_proxy_share_link",
      written: { service_id: text(first), name: text("board"), expiry_seconds: "3600" },
      replacements: each({
        service_id: text(second),
        name: text("team"),
        expiry_seconds: "7200",
        path: text("/reports"),
        max_uses: "3",
      }),
      collection: collection("share-links"),
    },
  ];
}
