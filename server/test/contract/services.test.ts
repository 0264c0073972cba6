import { ABSENT, accepts, exactly, type FieldRow, refuses } from "../support/field-table.ts";
import { CLUSTER } from "../support/rest-server.ts";
import {
  checkServiceTable,
  httpService,
  INVALID,
  layer4Service,
  OUT_OF_RANGE,
  PLAIN_CLUSTER,
  peerTarget,
  TAKEN_PORT,
} from "../support/service-tables.ts";

const domain = (why: string, sent: string, cluster = CLUSTER) =>
  accepts("domain", why, { domain: sent }, { domain: sent, proxy_cluster: cluster });
const noDomain = (why: string, sent: unknown) => refuses("domain", why, { domain: sent }, INVALID);
const flag = (name: string): FieldRow[] => [
  accepts(name, "true", { [name]: true }, { [name]: true }),
  accepts(name, "false", { [name]: false }, { [name]: false }),
  accepts(name, "absent is false", { [name]: ABSENT }, { [name]: false }),
];

const fields = {
  name: "string",
  domain: "string",
  mode: "string",
  listen_port: "integer",
  targets: "objects",
  enabled: "boolean",
  pass_host_header: "boolean",
  rewrite_redirects: "boolean",
  auth: "object",
  access_restrictions: "object",
  private: "boolean",
  access_groups: "strings",
  public: "boolean",
} as const;

checkServiceTable({
  object: "services, http",
  section: "§2.2",
  body: httpService,
  fields: { post: fields, put: fields },
  rows: [
    accepts("name", "as sent", { name: "Küche & Co ✓" }, { name: "Küche & Co ✓" }),
    accepts("name", "1 byte", { name: "x" }, { name: "x" }),
    accepts("name", "255 bytes", { name: `${"n".repeat(253)}ü` }, { name: `${"n".repeat(253)}ü` }),
    accepts("name", "not unique", { name: "wiki" }, { name: "wiki" }),
    refuses("name", "256 bytes", { name: `${"n".repeat(254)}ü` }, INVALID),
    refuses("name", "empty", { name: "" }, INVALID),
    refuses("name", "absent", { name: ABSENT }, INVALID),

    domain("a name under a cluster", `shop.${CLUSTER}`),
    domain("at any depth", `a.b.c.${CLUSTER}`),
    domain("the cluster's own name, where it needs no subdomain", CLUSTER),
    domain("shown as it was written", `Shop.EU.example.NET`),
    domain("of another cluster", `shop.${PLAIN_CLUSTER}`, PLAIN_CLUSTER),
    domain("a custom domain, though it is not validated", "apps.example.org"),
    domain("a name under a custom domain", "a.b.apps.example.org"),
    noDomain("empty", ""),
    noDomain("absent", ABSENT),
    noDomain("a space", `my shop.${CLUSTER}`),
    noDomain("a wildcard", `*.${CLUSTER}`),
    noDomain("a trailing dot", `shop.${CLUSTER}.`),
    noDomain("an empty label", `shop..${CLUSTER}`),
    noDomain("a URL", `https://shop.${CLUSTER}`),
    noDomain("a port", `shop.${CLUSTER}:443`),
    noDomain("a label of 64 characters", `${"a".repeat(64)}.${CLUSTER}`),
    noDomain("254 characters", `${"a.".repeat(120)}${CLUSTER}`),
    noDomain("not in its ASCII form", `bücher.${CLUSTER}`),
    refuses("domain", "of no cluster", { domain: "shop.elsewhere.test" }, [412, "service.no_cluster"]),
    refuses("domain", "ends like a cluster", { domain: `shop-${CLUSTER}` }, [412, "service.no_cluster"]),
    refuses("domain", "taken", { domain: `wiki.${CLUSTER}` }, [409, "service.domain_taken"]),
    refuses("domain", "taken in another case", { domain: `Wiki.${CLUSTER}` }, [409, "service.domain_taken"]),
    refuses("domain", "taken in another mode", { domain: `tcp.${CLUSTER}` }, [409, "service.domain_taken"]),

    accepts("mode", "http", { mode: "http" }, { mode: "http", listen_port: 0, port_auto_assigned: false }),
    accepts("mode", "empty is http", { mode: "" }, { mode: "http" }),
    accepts("mode", "absent is http", { mode: ABSENT }, { mode: "http" }),
    refuses("mode", "unknown", { mode: "ftp" }, INVALID),
    refuses("mode", "in other case", { mode: "HTTP" }, INVALID),
    refuses(
      "mode",
      "cannot be changed",
      { mode: "tcp", targets: [{ ...peerTarget, protocol: "tcp" }] },
      [422, "service.mode_immutable"],
      "PUT",
    ),

    accepts("listen_port", "0", { listen_port: 0 }, { listen_port: 0 }),
    accepts("listen_port", "absent is 0", { listen_port: ABSENT }, { listen_port: 0 }),
    refuses("listen_port", "any port", { listen_port: 443 }, INVALID),
    refuses("listen_port", "negative", { listen_port: -1 }, INVALID),
    refuses("listen_port", "would be 0 in 16 bits", { listen_port: 65_536 }, INVALID),

    accepts(
      "targets",
      "several, in the order of the request",
      {
        targets: [
          { ...peerTarget, path: "/z" },
          { ...peerTarget, path: "/a", target_id: "$peer2" },
          { ...peerTarget, path: "/m" },
        ],
      },
      { targets: [{ path: "/z" }, { path: "/a", target_id: "$peer2" }, { path: "/m" }] },
    ),
    refuses("targets", "none", { targets: [] }, [422, "service.no_targets"]),
    refuses("targets", "absent", { targets: ABSENT }, [422, "service.no_targets"]),

    ...["enabled", "pass_host_header", "rewrite_redirects", "public"].flatMap(flag),

    accepts("auth", "absent is an empty object", { auth: ABSENT }, { auth: exactly({}) }),
    accepts("auth", "empty stays so", { auth: {} }, { auth: exactly({}) }),
    accepts("access_restrictions", "absent is absent", {}, { access_restrictions: ABSENT }),
    accepts("private", "false", { private: false }, { private: false }),
    accepts("private", "absent is false", {}, { private: false }),

    accepts(
      "access_groups",
      "kept though not private, in the order of the request",
      { access_groups: ["$group2", "$all", "$group"] },
      { private: false, access_groups: ["$group2", "$all", "$group"] },
    ),
    accepts("access_groups", "empty is absent", { access_groups: [] }, { access_groups: ABSENT }),
    accepts("access_groups", "absent is absent", {}, { access_groups: ABSENT }),
    refuses("access_groups", "an unknown id", { access_groups: ["$group", "no"] }, [
      ...INVALID,
      "access_groups[1]",
    ]),

    accepts(
      "terminated, port_auto_assigned, proxy_cluster, meta",
      "are read-only",
      { terminated: true, port_auto_assigned: true, proxy_cluster: "evil.test", meta: { status: "active" } },
      {
        terminated: false,
        port_auto_assigned: false,
        proxy_cluster: CLUSTER,
        meta: {
          created_at: "2026-08-22T19:07:31.120Z",
          status: "pending",
          certificate_issued_at: ABSENT,
        },
      },
    ),
  ],
});

checkServiceTable({
  object: "services, private",
  section: "§2.7",
  body: { ...httpService, private: true, access_groups: ["$group"] },
  fields: {},
  rows: [
    accepts("private", "with a group", {}, { private: true, access_groups: ["$group"] }),
    accepts(
      "private",
      "on a cluster that does not say that it can",
      { domain: `shop.${PLAIN_CLUSTER}` },
      { private: true, proxy_cluster: PLAIN_CLUSTER },
    ),
    refuses("access_groups", "absent", { access_groups: ABSENT }, INVALID),
    refuses("access_groups", "empty", { access_groups: [] }, INVALID),
    refuses("access_groups", "an unknown id", { access_groups: ["no"] }, [...INVALID, "access_groups[0]"]),
    refuses("auth.bearer_auth", "enabled", { auth: { bearer_auth: { enabled: true } } }, INVALID),
    accepts(
      "auth.bearer_auth",
      "disabled",
      { auth: { bearer_auth: { enabled: false } } },
      { private: true, auth: exactly({ bearer_auth: { enabled: false, distribution_groups: null } }) },
    ),
    accepts(
      "auth",
      "password, PIN and headers",
      {
        auth: {
          password_auth: { enabled: true, password: "p" },
          pin_auth: { enabled: true, pin: "1" },
          header_auths: [{ enabled: true, header: "X-Key", value: "v" }],
        },
      },
      { private: true, auth: { password_auth: { enabled: true }, pin_auth: { enabled: true } } },
    ),
    refuses("public", "with private", { public: true }, INVALID),
    ...(["tcp", "udp", "tls"] as const).map((mode) => {
      const { listen_port, targets } = layer4Service(mode);
      return refuses("private", `in ${mode} mode`, { mode, listen_port, targets }, INVALID, "POST");
    }),
  ],
});

for (const mode of ["tcp", "udp", "tls"] as const) {
  const asHttp = { listen_port: ABSENT, targets: [peerTarget] };
  checkServiceTable({
    object: `services, ${mode}`,
    section: "§2.7, §2.8",
    body: layer4Service(mode),
    fields: { put: { mode: "string", listen_port: "integer" } },
    rows: [
      accepts("mode", mode, {}, { mode, listen_port: 5432, port_auto_assigned: false }),
      refuses("mode", "absent is http", { mode: ABSENT, ...asHttp }, [422, "service.mode_immutable"], "PUT"),
      refuses("mode", "empty is http", { mode: "", ...asHttp }, [422, "service.mode_immutable"], "PUT"),
      refuses("listen_port", "in what absent mode stands for", { mode: ABSENT }, INVALID),

      accepts("listen_port", "lowest", { listen_port: 1 }, { listen_port: 1 }),
      accepts("listen_port", "highest", { listen_port: 65_535 }, { listen_port: 65_535 }),
      refuses("listen_port", "negative", { listen_port: -1 }, OUT_OF_RANGE),
      refuses("listen_port", "above 65535", { listen_port: 65_536 + 5432 }, OUT_OF_RANGE),
      refuses("listen_port", "above every column", { listen_port: 1e300 }, OUT_OF_RANGE),
      ...(mode === "tls"
        ? [
            refuses("listen_port", "0", { listen_port: 0 }, OUT_OF_RANGE),
            refuses("listen_port", "absent", { listen_port: ABSENT }, OUT_OF_RANGE),
            accepts(
              "listen_port",
              "shared with another name",
              { listen_port: TAKEN_PORT },
              { listen_port: TAKEN_PORT },
            ),
            accepts(
              "listen_port",
              "on a cluster without custom ports",
              { domain: `db.${PLAIN_CLUSTER}` },
              { listen_port: 5432, proxy_cluster: PLAIN_CLUSTER },
            ),
          ]
        : [
            accepts("listen_port", "0 chooses one", { listen_port: 0 }, { port_auto_assigned: true }, "POST"),
            accepts(
              "listen_port",
              "absent chooses one",
              { listen_port: ABSENT },
              { port_auto_assigned: true },
              "POST",
            ),
            ...[0, ABSENT].map((none) =>
              accepts(
                "listen_port",
                `${String(none)} keeps port and flag`,
                { listen_port: none },
                { listen_port: 5432, port_auto_assigned: false },
                "PUT",
              ),
            ),
            refuses("listen_port", "taken", { listen_port: TAKEN_PORT }, [409, "service.port_taken"]),
            accepts(
              "listen_port",
              "taken on another cluster",
              { domain: `db.${PLAIN_CLUSTER}`, listen_port: ABSENT },
              { proxy_cluster: PLAIN_CLUSTER },
            ),
            refuses(
              "listen_port",
              "named on a cluster without custom ports",
              { domain: `db.${PLAIN_CLUSTER}` },
              [422, "service.custom_ports_unsupported"],
              "POST",
            ),
            accepts(
              "listen_port",
              "kept when the service moves to a cluster without custom ports",
              { domain: `db.${PLAIN_CLUSTER}` },
              { proxy_cluster: PLAIN_CLUSTER, listen_port: 5432 },
              "PUT",
            ),
            refuses(
              "listen_port",
              "changed on a cluster without custom ports",
              { domain: `db.${PLAIN_CLUSTER}`, listen_port: 5433 },
              [422, "service.custom_ports_unsupported"],
              "PUT",
            ),
          ]),

      refuses("targets", "none", { targets: [] }, [422, "service.no_targets"]),
      refuses("targets[1]", "two", { targets: Array(2).fill({ ...peerTarget, protocol: "tcp" }) }, INVALID),
      refuses("private", "true", { private: true, access_groups: ["$group"] }, INVALID),
      accepts("access_groups", "kept", { access_groups: ["$group"] }, { access_groups: ["$group"] }),
      refuses("domain", "taken in another mode", { domain: `wiki.${CLUSTER}` }, [
        409,
        "service.domain_taken",
      ]),
    ],
  });
}
