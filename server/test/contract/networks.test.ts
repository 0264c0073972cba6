import { Network, NetworkResource, NetworkRouter } from "@netbird-proxy/proto/rest";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";

const INVALID = [422, "network.invalid"] as [number, string];

const network = { name: "lab", description: "the lab" };
const networkFields = { name: "string", description: "string" } as const;

checkFieldTable({
  object: "networks",
  section: "§4.4",
  collection: "/networks",
  post: network,
  put: network,
  fields: { post: networkFields, put: networkFields },
  answer: Network,
  rows: [
    accepts("name", "as sent", { name: "Haus 7 – Keller" }, { name: "Haus 7 – Keller" }),
    accepts("name", "not validated: empty", { name: "" }, { name: "" }),
    accepts("name", "not validated: absent is empty", { name: ABSENT }, { name: "" }),
    accepts("name", "not unique", { name: "home" }, { name: "home" }),
    accepts("description", "as sent", { description: "two\nlines" }, { description: "two\nlines" }),
    accepts("description", "absent is empty", { description: ABSENT }, { description: "" }),
    accepts("id", "a sent one is ignored", { id: "mine" }, { name: "lab" }),
    accepts("policies", "always empty", {}, { policies: [] }),
    accepts("routing_peers_count", "none without routers", {}, { routing_peers_count: 0 }),
    accepts("routers, resources", "null when there are none", {}, { routers: null, resources: null }, "PUT"),
    accepts(
      "routers, resources",
      "empty lists right after creation",
      {},
      { routers: [], resources: [] },
      "POST",
    ),
  ],
  shownOnce: ["routers", "resources"],
});

const resource = {
  name: "nas",
  description: "disks",
  address: "10.1.2.3",
  enabled: true,
  groups: ["$group"],
};
const resourceFields = {
  name: "string",
  description: "string",
  address: "string",
  enabled: "boolean",
  groups: "strings",
} as const;
const address = (why: string, sent: string, type: string, shown = sent) =>
  accepts("address", why, { address: sent }, { type, address: shown });
const noAddress = (why: string, sent: string) => refuses("address", why, { address: sent }, INVALID);

checkFieldTable({
  object: "network resources",
  section: "§4.5",
  collection: "/networks/$network/resources",
  post: resource,
  put: resource,
  fields: { post: resourceFields, put: resourceFields },
  answer: NetworkResource,
  rows: [
    accepts("name", "as sent", { name: "nas 2" }, { name: "nas 2" }),
    refuses("name", "empty", { name: "" }, INVALID),
    refuses("name", "absent", { name: ABSENT }, INVALID),
    refuses("name", "unique in the account: 422, not 409", { name: "printer" }, INVALID),
    accepts("description", "as sent", { description: "x" }, { description: "x" }),
    accepts("description", "absent is empty", { description: ABSENT }, { description: "" }),
    address("a bare IPv4 address is a host and gets its length", "10.0.0.1", "host", "10.0.0.1/32"),
    address("/32 is a host", "10.0.0.1/32", "host"),
    address("a bare IPv6 address is a host", "fd00::1", "host", "fd00::1/128"),
    address("/128 is a host", "fd00::1/128", "host"),
    address("an IPv6 prefix of length 32 is a subnet", "2001:db8::/32", "subnet"),
    address("another CIDR is a subnet", "10.0.0.0/24", "subnet"),
    address("host bits are kept", "10.0.0.7/24", "subnet"),
    address("everything is a subnet", "0.0.0.0/0", "subnet"),
    address("a name is a domain", "nas.example.com", "domain"),
    address("a name of one label is a domain", "nas", "domain"),
    address("*. in front is allowed", "*.example.com", "domain"),
    noAddress("empty", ""),
    refuses("address", "absent", { address: ABSENT }, INVALID),
    noAddress("length above 32", "10.0.0.0/33"),
    noAddress("length above 128", "fd00::/129"),
    noAddress("a space", "nas example"),
    noAddress("a URL", "https://nas.example.com/"),
    noAddress("a port", "10.0.0.1:80"),
    noAddress("* in the middle", "nas.*.com"),
    noAddress("* alone", "*"),
    accepts("enabled", "as sent", { enabled: false }, { enabled: false }),
    accepts("enabled", "absent is false", { enabled: ABSENT }, { enabled: false }),
    accepts(
      "groups",
      "as summaries",
      {},
      { groups: [{ id: "$group", name: "staff", peers_count: 1, resources_count: 1 }] },
    ),
    accepts("groups", "All may be named", { groups: ["$all"] }, { groups: [{ id: "$all", name: "All" }] }),
    accepts("groups", "null when there are none", { groups: [] }, { groups: null }),
    accepts("groups", "absent is none", { groups: ABSENT }, { groups: null }),
    refuses("groups", "an unknown id", { groups: ["$group", "nobody"] }, [...INVALID, "groups[1]"]),
    accepts("network_id", "is not shown", {}, { network_id: ABSENT }),
  ],
});

const router = { peer: "$peer", metric: 100, masquerade: true, enabled: true };
const routerFields = {
  peer: "string",
  peer_groups: "strings",
  metric: "integer",
  masquerade: "boolean",
  enabled: "boolean",
} as const;
const byGroups = { peer: ABSENT, peer_groups: ["$group"] };
const EITHER = [400, "request.malformed", "peer"] as [number, string, string];

checkFieldTable({
  object: "network routers",
  section: "§4.6",
  collection: "/networks/$network/routers",
  post: router,
  put: router,
  fields: { post: routerFields, put: routerFields },
  answer: NetworkRouter,
  rows: [
    accepts("peer", "as sent; peer_groups is null then", {}, { peer: "$peer", peer_groups: null }),
    accepts(
      "peer",
      "with an empty list of groups",
      { peer_groups: [] },
      { peer: "$peer", peer_groups: null },
    ),
    accepts("peer_groups", "as sent; peer is empty then", byGroups, { peer: "", peer_groups: ["$group"] }),
    accepts(
      "peer_groups",
      "with an empty peer, in the order of the request",
      { peer: "", peer_groups: ["$group2", "$group"] },
      { peer: "", peer_groups: ["$group2", "$group"] },
    ),
    refuses("peer", "both", { peer_groups: ["$group"] }, EITHER),
    refuses("peer", "neither: absent", { peer: ABSENT }, EITHER),
    refuses("peer", "neither: empty", { peer: "", peer_groups: [] }, EITHER),
    refuses("peer", "an unknown id", { peer: "nobody" }, INVALID),
    refuses("peer_groups", "an unknown id", { peer: ABSENT, peer_groups: ["$group", "no"] }, [
      ...INVALID,
      "peer_groups[1]",
    ]),
    accepts("metric", "lowest", { metric: 1 }, { metric: 1 }),
    accepts("metric", "highest", { metric: 9999 }, { metric: 9999 }),
    refuses("metric", "0", { metric: 0 }, INVALID),
    refuses("metric", "absent", { metric: ABSENT }, INVALID),
    refuses("metric", "negative", { metric: -1 }, INVALID),
    refuses("metric", "above 9999", { metric: 10_000 }, INVALID),
    refuses("metric", "above every column", { metric: 1e300 }, INVALID),
    accepts("masquerade", "as sent", { masquerade: false }, { masquerade: false }),
    accepts("masquerade", "absent is false", { masquerade: ABSENT }, { masquerade: false }),
    accepts("enabled", "honoured, on POST too", { enabled: false }, { enabled: false }),
    accepts("enabled", "true", { enabled: true }, { enabled: true }),
    accepts("enabled", "absent is false", { enabled: ABSENT }, { enabled: false }),
  ],
});
