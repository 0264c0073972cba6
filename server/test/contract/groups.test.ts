import { Group } from "@netbird-proxy/proto/rest";
import { ABSENT, accepts, checkFieldTable, refuses } from "../support/field-table.ts";

const INVALID = [422, "group.invalid"] as [number, string];

const group = { name: "crew", peers: ["$peer"], resources: [{ id: "$resource", type: "host" }] };
const fields = {
  name: "string",
  peers: "strings",
  resources: "objects",
  "resources[0].id": "string",
} as const;

checkFieldTable({
  object: "groups",
  section: "§4.2",
  collection: "/groups",
  post: group,
  put: group,
  emptied: { name: "nobody" },
  fields: { post: fields, put: fields },
  answer: Group,
  rows: [
    accepts("name", "as sent", { name: "Küche & Co" }, { name: "Küche & Co" }),
    accepts("name", "compared with case", { name: "Staff" }, { name: "Staff" }),
    accepts("name", "255 bytes", { name: "n".repeat(255) }, { name: "n".repeat(255) }),
    refuses("name", "256 bytes", { name: `${"n".repeat(254)}ü` }, INVALID),
    refuses("name", "empty", { name: "" }, INVALID),
    refuses("name", "absent", { name: ABSENT }, INVALID),
    refuses("name", "taken", { name: "staff" }, [409, "group.name_taken"]),
    refuses("name", "All is taken", { name: "All" }, [409, "group.name_taken"]),
    accepts("peers", "with names", {}, { peers: [{ id: "$peer", name: "gate" }], peers_count: 1 }),
    accepts("peers", "null when empty", { peers: [] }, { peers: null, peers_count: 0 }),
    accepts("peers", "absent is none", { peers: ABSENT }, { peers: null, peers_count: 0 }),
    accepts(
      "peers",
      "unknown ids are skipped",
      { peers: ["nobody", "$peer2"] },
      { peers: [{ id: "$peer2" }], peers_count: 1 },
    ),
    accepts(
      "peers",
      "the same id twice is once",
      { peers: ["$peer", "$peer"] },
      { peers: [{ id: "$peer" }], peers_count: 1 },
    ),
    accepts(
      "resources",
      "as sent",
      {},
      { resources: [{ id: "$resource", type: "host" }], resources_count: 1 },
    ),
    accepts("resources", "null when empty", { resources: [] }, { resources: null, resources_count: 0 }),
    accepts("resources", "absent is none", { resources: ABSENT }, { resources: null, resources_count: 0 }),
    accepts(
      "resources",
      "a peer",
      { resources: [{ id: "$peer2", type: "peer" }] },
      { resources: [{ id: "$peer2", type: "peer" }], resources_count: 1 },
    ),
    refuses("resources[].type", "unknown", { resources: [{ id: "x", type: "vm" }] }, [
      ...INVALID,
      "resources[0].type",
    ]),
    refuses("resources[].type", "absent", { resources: [{ id: "x" }] }, [...INVALID, "resources[0].type"]),
    refuses("resources[].id", "absent", { resources: [{ type: "host" }] }, [...INVALID, "resources[0].id"]),
    accepts("issued", "api", { issued: "jwt" }, { issued: "api" }),
  ],
});
