import { ABSENT, accepts, exactly, type FieldRow, refuses } from "../support/field-table.ts";
import {
  checkServiceTable,
  httpService,
  INVALID,
  layer4Service,
  OUT_OF_RANGE,
  peerTarget,
} from "../support/service-tables.ts";

// biome-ignore lint/suspicious/noExplicitAny: targets of many shapes
type Change = Record<string, any>;

const target = (field: string, why: string, send: Change, gives: Change = send) =>
  accepts(`targets[0].${field}`, why, { "targets[0]": send }, { targets: [gives] });
const noTarget = (field: string, why: string, send: Change, refused: [number, string] = INVALID) =>
  refuses(`targets[0].${field}`, why, { "targets[0]": send }, refused);
const NOT_FOUND = [422, "service.target_not_found"] as [number, string];
const MISMATCH = [422, "service.target_type_mismatch"] as [number, string];

const host = { target_type: "host", target_id: "$resource" };
const site = { target_type: "domain", target_id: "$site" };
const subnet = { target_type: "subnet", target_id: "$subnet", host: "10.50.0.7" };
const cluster = {
  target_type: "cluster",
  target_id: "anywhere.test",
  host: "backend.internal",
  options: { direct_upstream: true },
};
const direct = (change: Change) => ({ options: { direct_upstream: true }, ...change });

const fields = {
  "targets[0].target_id": "string",
  "targets[0].target_type": "string",
  "targets[0].protocol": "string",
  "targets[0].port": "integer",
  "targets[0].host": "string",
  "targets[0].path": "string",
  "targets[0].enabled": "boolean",
  "targets[0].options": "object",
} as const;

/** What holds in every mode. */
function everywhere(http: boolean): FieldRow[] {
  return [
    noTarget("target_id", "empty", { target_id: "" }),
    noTarget("target_id", "absent", { target_id: ABSENT }),
    noTarget("target_id", "unknown peer", { target_id: "nobody" }, NOT_FOUND),
    noTarget("target_id", "unknown resource", { ...host, target_id: "nothing" }, NOT_FOUND),
    noTarget("target_id", "a resource as a peer", { target_id: "$resource" }, NOT_FOUND),
    noTarget("target_id", "a peer as a host", { ...host, target_id: "$peer" }, NOT_FOUND),
    noTarget("target_id", "a resource that stands for many hosts", { ...site, target_id: "$wildcard" }),

    target("target_type", "peer: its overlay address", {}, { target_type: "peer", host: "$peer_ip" }),
    target("target_type", "host: its address without length", host, { ...host, host: "10.9.0.9" }),
    target("target_type", "domain: its name", site, { ...site, host: "site.example.com" }),
    target("target_type", "subnet: the host that was sent", subnet),
    target("target_type", "cluster: the id is not checked", cluster),
    noTarget("target_type", "absent", { target_type: ABSENT }),
    noTarget("target_type", "empty", { target_type: "" }),
    noTarget("target_type", "unknown", { target_type: "vm" }),
    noTarget("target_type", "in other case", { target_type: "Peer" }),
    noTarget("target_type", "a subnet as a host", { ...host, target_id: "$subnet" }, MISMATCH),
    noTarget("target_type", "a host as a domain", { ...site, target_id: "$resource" }, MISMATCH),
    noTarget("target_type", "a domain as a subnet", { ...subnet, target_id: "$site" }, MISMATCH),

    target("port", "lowest", { port: 1 }),
    target("port", "highest", { port: 65_535 }),
    noTarget("port", "negative", { port: -1 }, OUT_OF_RANGE),
    noTarget("port", "would be 80 in 16 bits", { port: 65_536 + 80 }, OUT_OF_RANGE),
    noTarget("port", "above every column", { port: 1e300 }, OUT_OF_RANGE),

    target("host", "of a peer is looked up", { host: "elsewhere.test" }, { host: "$peer_ip" }),
    target("host", "of a host is looked up", { ...host, host: "a b/c:1" }, { host: "10.9.0.9" }),
    target("host", "of a domain is looked up", { ...site, host: "10.0.0.1" }, { host: "site.example.com" }),
    target("host", "the look-up wins over direct_upstream", direct({ host: "elsewhere.test" }), {
      host: "$peer_ip",
    }),
    noTarget("host", "with direct_upstream: a space", direct({ host: "a b" })),
    noTarget("host", "with direct_upstream: a tab", direct({ host: "a\tb" })),
    noTarget("host", "with direct_upstream: a slash", direct({ host: "a/b" })),
    noTarget("host", "with direct_upstream: a port", direct({ host: "a:80" })),
    target("host", "of a subnet, as a name", { ...subnet, host: "nas.lab.example" }),
    noTarget("host", "absent for a subnet", { ...subnet, host: ABSENT }),
    noTarget("host", "empty for a subnet", { ...subnet, host: "" }),
    noTarget("host", "outside of the subnet", { ...subnet, host: "10.51.0.1" }),
    noTarget("host", "of another family than the subnet", { ...subnet, host: "fd00::1" }),
    noTarget("host", "a subnet's with a port", { ...subnet, host: "10.50.0.7:80" }),
    noTarget("host", "a subnet's with a scheme", { ...subnet, host: "http://10.50.0.7" }),
    target("host", "of a cluster, IPv6", { ...cluster, host: "fd00::1" }),
    noTarget("host", "of a cluster with a port", { ...cluster, host: "backend:80" }),
    ...(http
      ? [
          noTarget("host", "absent for a cluster", { ...cluster, host: ABSENT }),
          noTarget("host", "blank for a cluster", { ...cluster, host: " \t" }),
        ]
      : [target("host", "absent for a cluster", { ...cluster, host: ABSENT }, { host: "" })]),
    noTarget("options.direct_upstream", "absent for a cluster", { ...cluster, options: {} }),
    noTarget("options.direct_upstream", "false for a cluster", {
      ...cluster,
      options: { direct_upstream: false },
    }),

    target("path", "absent stays absent", {}, { path: ABSENT }),
    target("path", "empty stays empty", { path: "" }),
    target("path", "/", { path: "/" }),
    target("options", "absent is an empty object", {}, { options: exactly({}) }),
    target("options", "empty stays so", { options: {} }, { options: exactly({}) }),
  ];
}

checkServiceTable({
  object: "targets, http",
  section: "§2.3",
  body: httpService,
  fields: { post: fields, put: fields },
  rows: [
    ...everywhere(true),
    target("protocol", "http", { protocol: "http" }),
    target("protocol", "https", { protocol: "https" }),
    noTarget("protocol", "tcp", { protocol: "tcp" }),
    noTarget("protocol", "unknown", { protocol: "ftp" }),
    noTarget("protocol", "in other case", { protocol: "HTTP" }),
    noTarget("protocol", "empty", { protocol: "" }),
    noTarget("protocol", "absent", { protocol: ABSENT }),
    target("port", "0 is the protocol's own", { port: 0 }),
    target("port", "absent is 0", { port: ABSENT }, { port: 0 }),
    target("path", "a prefix", { path: "/api" }),
    target("path", "a prefix with a slash at its end", { path: "/api/v1/" }),
    target("path", "percent-encoding and letters beyond ASCII", { path: "/caf%C3%A9/küche" }),
    noTarget("path", "without a slash in front", { path: "api" }),
    noTarget("path", "a space", { path: "/a b" }),
    noTarget("path", "a query", { path: "/a?b=c" }),
    noTarget("path", "a fragment", { path: "/a#b" }),
    ...(
      [
        ["twice", ["/api", "/api"]],
        ["that differs in a slash", ["/api", "/api/"]],
        ["absent is /", ["/", ABSENT]],
        ["empty is /", ["", "/"]],
      ] as [string, unknown[]][]
    ).map(([why, paths]) =>
      refuses(
        "targets[1].target_id",
        `the same target of a path, ${why}`,
        { targets: paths.map((path) => (path === ABSENT ? peerTarget : { ...peerTarget, path })) },
        [422, "service.duplicate_target"],
      ),
    ),
    accepts(
      "targets[1].path",
      "as that of another target, which leads elsewhere",
      { targets: [peerTarget, { ...peerTarget, path: "/", port: 81 }] },
      { targets: [{ port: 8080 }, { port: 81, path: "/" }] },
    ),
    refuses(
      "targets[1].options.path_rewrite",
      "other than of the target that shares the path",
      { targets: [peerTarget, { ...peerTarget, port: 81, options: { path_rewrite: "preserve" } }] },
      [422, "service.invalid"],
    ),
    target("enabled", "true", { enabled: true }),
    target("enabled", "false", { enabled: false }),
    target("enabled", "absent is false", { enabled: ABSENT }, { enabled: false }),
    refuses(
      "targets[1].target_id",
      "the second of two",
      { targets: [peerTarget, { ...peerTarget, path: "/b", target_id: "nobody" }] },
      NOT_FOUND,
    ),
  ],
});

for (const mode of ["tcp", "udp", "tls"] as const) {
  checkServiceTable({
    object: `targets, ${mode}`,
    section: "§2.3",
    body: layer4Service(mode),
    fields: { post: fields, put: fields },
    rows: [
      ...everywhere(false),
      ...["tcp", "udp", "http", "https"].map((protocol) => target("protocol", protocol, { protocol })),
      noTarget("protocol", "unknown", { protocol: "sctp" }),
      noTarget("protocol", "empty", { protocol: "" }),
      noTarget("protocol", "absent", { protocol: ABSENT }),
      noTarget("port", "0", { port: 0 }, OUT_OF_RANGE),
      noTarget("port", "absent", { port: ABSENT }, OUT_OF_RANGE),
      noTarget("path", "a prefix", { path: "/api" }),
      target("enabled", "false is true", { enabled: false }, { enabled: true }),
      target("enabled", "absent is true", { enabled: ABSENT }, { enabled: true }),
    ],
  });
}
