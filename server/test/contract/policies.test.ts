import { Policy } from "@netbird-proxy/proto/rest";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";

const INVALID = [422, "policy.invalid"] as [number, string];

const policy = {
  name: "web",
  description: "to the web servers",
  enabled: true,
  rules: [
    {
      name: "http",
      enabled: true,
      bidirectional: false,
      action: "accept",
      protocol: "tcp",
      sources: ["$group"],
      destinations: ["$group2"],
    },
  ],
};
const fields = {
  name: "string",
  description: "string",
  enabled: "boolean",
  source_posture_checks: "strings",
  rules: "objects",
  "rules[0].id": "string",
  "rules[0].name": "string",
  "rules[0].description": "string",
  "rules[0].enabled": "boolean",
  "rules[0].bidirectional": "boolean",
  "rules[0].action": "string",
  "rules[0].protocol": "string",
  "rules[0].sources": "strings",
  "rules[0].sourceResource": "object",
  "rules[0].destinations": "strings",
  "rules[0].destinationResource": "object",
  "rules[0].ports": "strings",
  "rules[0].port_ranges": "objects",
  "rules[0].authorized_groups": "object",
} as const;

type Values = Record<string, unknown>;
const rule = (changes: Values) => ({ "rules[0]": changes });
const takes = (field: string, why: string, changes: Values, gives: Values = changes) =>
  accepts(`rules[].${field}`, why, rule(changes), { rules: [gives] });
const rejects = (field: string, why: string, changes: Values, at = field) =>
  refuses(`rules[].${field}`, why, rule(changes), [...INVALID, `rules[0].${at}`]);
const printer = { id: "$resource", type: "host" };
const ssh = { protocol: "netbird-ssh" };

checkFieldTable({
  object: "policies",
  section: "§4.10",
  collection: "/policies",
  post: policy,
  put: policy,
  fields: { post: fields, put: fields },
  answer: Policy,
  rows: [
    accepts("name", "as sent", { name: "Wéb" }, { name: "Wéb" }),
    refuses("name", "empty", { name: "" }, INVALID),
    refuses("name", "absent", { name: ABSENT }, INVALID),
    accepts("description", "as sent", { description: "x" }, { description: "x" }),
    accepts("description", "absent is empty", { description: ABSENT }, { description: "" }),
    accepts("enabled", "as sent", { enabled: false }, { enabled: false }),
    accepts("enabled", "absent is false", { enabled: ABSENT }, { enabled: false }),
    accepts(
      "source_posture_checks",
      "unknown ids are dropped",
      { source_posture_checks: ["x"] },
      { source_posture_checks: [] },
    ),
    accepts("source_posture_checks", "absent is none", {}, { source_posture_checks: [] }),
    refuses("rules", "none", { rules: [] }, INVALID),
    refuses("rules", "absent", { rules: ABSENT }, INVALID),
    accepts("rules[].id", "ignored on POST", rule({ id: "anything" }), { rules: [{ name: "http" }] }, "POST"),
    refuses(
      "rules[].id",
      "on PUT, not one of the policy's",
      rule({ id: "anything" }),
      [...INVALID, "rules[0].id"],
      "PUT",
    ),
    takes("name", "as sent", { name: "r" }),
    takes("name", "not validated: empty", { name: "" }),
    takes("name", "absent is empty", { name: ABSENT }, { name: "" }),
    takes("description", "as sent", { description: "d" }),
    takes("description", "absent is empty", {}, { description: "" }),
    takes("enabled", "as sent", { enabled: false }),
    takes("enabled", "absent is false", { enabled: ABSENT }, { enabled: false }),
    takes("bidirectional", "as sent", { bidirectional: true }),
    takes("bidirectional", "absent is false", { bidirectional: ABSENT }, { bidirectional: false }),
    takes("action", "accept", { action: "accept" }),
    takes("action", "drop", { action: "drop" }),
    rejects("action", "unknown", { action: "reject" }),
    rejects("action", "absent", { action: ABSENT }),
    ...["all", "tcp", "udp", "icmp"].map((protocol) => takes("protocol", protocol, { protocol })),
    takes("protocol", "netbird-ssh", ssh),
    rejects("protocol", "unknown", { protocol: "sctp" }),
    rejects("protocol", "in other case", { protocol: "TCP" }),
    rejects("protocol", "absent", { protocol: ABSENT }),
    takes(
      "sources",
      "as summaries",
      {},
      {
        sources: [{ id: "$group", name: "staff", peers_count: 1, resources_count: 0 }],
        sourceResource: ABSENT,
      },
    ),
    takes(
      "sources",
      "unknown ids are dropped",
      { sources: ["nobody", "$group"] },
      { sources: [{ id: "$group" }] },
    ),
    takes(
      "sources",
      "null with a resource",
      { sources: ABSENT, sourceResource: printer },
      { sources: null, sourceResource: printer },
    ),
    takes("sources", "All", { sources: ["$all"] }, { sources: [{ id: "$all", name: "All" }] }),
    rejects("sources", "neither groups nor a resource", { sources: ABSENT }),
    rejects("sourceResource", "both", { sourceResource: printer }),
    rejects(
      "sourceResource",
      "without an id",
      { sources: ABSENT, sourceResource: { type: "host" } },
      "sourceResource.id",
    ),
    rejects(
      "sourceResource",
      "without a type",
      { sources: ABSENT, sourceResource: { id: "x" } },
      "sourceResource.type",
    ),
    takes(
      "sourceResource",
      "not checked",
      { sources: ABSENT, sourceResource: { id: "x", type: "y" } },
      {
        sourceResource: { id: "x", type: "y" },
      },
    ),
    takes(
      "destinations",
      "as summaries",
      {},
      {
        destinations: [{ id: "$group2", name: "guests", peers_count: 0, resources_count: 0 }],
        destinationResource: ABSENT,
      },
    ),
    takes(
      "destinations",
      "null with a resource",
      { destinations: ABSENT, destinationResource: printer },
      {
        destinations: null,
        destinationResource: printer,
      },
    ),
    rejects("destinations", "neither groups nor a resource", { destinations: ABSENT }),
    rejects("destinationResource", "both", { destinationResource: printer }),
    takes("ports", "as sent", { ports: ["1", "443", "65535"] }),
    takes("ports", "absent when none", {}, { ports: ABSENT }),
    takes("ports", "absent when empty", { ports: [] }, { ports: ABSENT }),
    rejects("ports", "0", { ports: ["80", "0"] }, "ports[1]"),
    rejects("ports", "above 65535", { ports: ["65536"] }, "ports[0]"),
    rejects("ports", "no number", { ports: ["http"] }, "ports[0]"),
    rejects("ports", "a range", { ports: ["1-2"] }, "ports[0]"),
    rejects("ports", "empty text", { ports: [""] }, "ports[0]"),
    rejects("ports", "of all", { protocol: "all", ports: ["80"] }),
    rejects("ports", "of icmp", { protocol: "icmp", ports: ["80"] }),
    takes("port_ranges", "as sent", { port_ranges: [{ start: 1, end: 65_535 }] }),
    takes("port_ranges", "one port", { port_ranges: [{ start: 5, end: 5 }] }),
    takes("port_ranges", "absent when none", {}, { port_ranges: ABSENT }),
    takes("port_ranges", "absent when empty", { port_ranges: [] }, { port_ranges: ABSENT }),
    rejects("port_ranges", "start 0", { port_ranges: [{ start: 0, end: 5 }] }, "port_ranges[0].start"),
    rejects(
      "port_ranges",
      "end above 65535",
      { port_ranges: [{ start: 1, end: 65_536 }] },
      "port_ranges[0].end",
    ),
    rejects("port_ranges", "end before start", { port_ranges: [{ start: 5, end: 4 }] }, "port_ranges[0].end"),
    rejects("port_ranges", "without end", { port_ranges: [{ start: 5 }] }, "port_ranges[0].end"),
    rejects("port_ranges", "of all", { protocol: "all", port_ranges: [{ start: 1, end: 2 }] }),
    rejects("port_ranges", "together with ports", { ports: ["1"], port_ranges: [{ start: 1, end: 2 }] }),
    takes("authorized_groups", "as sent", { ...ssh, authorized_groups: { $group: ["root"] } }),
    takes("authorized_groups", "absent when none", ssh, { authorized_groups: ABSENT }),
    takes(
      "authorized_groups",
      "absent when empty",
      { ...ssh, authorized_groups: {} },
      { authorized_groups: ABSENT },
    ),
    rejects("authorized_groups", "of another protocol", { authorized_groups: { $group: ["root"] } }),
    rejects("authorized_groups", "not every source", { ...ssh, authorized_groups: { $group2: ["root"] } }),
  ],
});
