import type { Json } from "../../support/management-server.ts";
import { type DriftCase, inside } from "../drift-case.ts";

/** A policy with a rule of each kind. */
export function policyCase(staff: string, guests: string, host: string, peer: string): DriftCase {
  const rules = (current: Json, change: (rules: Json[]) => void) => {
    const ids = (groups: Json[] | null) => groups?.map(({ id }) => id);
    const all = (current.rules as Json[]).map((rule) => ({
      ...rule,
      sources: ids(rule.sources),
      destinations: ids(rule.destinations),
    }));
    change(all);
    return { rules: all };
  };
  return {
    type: "netbird_policy",
    hcl: `
      name        = "web"
      description = "who sees the web"
      rule {
        name         = "https"
        description  = "encrypted"
        protocol     = "tcp"
        sources      = ["${staff}"]
        destinations = ["${staff}"]
        ports        = ["443"]
      }
      rule {
        name                 = "one"
        protocol             = "udp"
        source_resource      = { id = "${host}", type = "host" }
        destination_resource = { id = "${host}", type = "host" }
        port_ranges          = [{ start = 1000, end = 2000 }]
      }
      rule {
        name              = "shell"
        protocol          = "netbird-ssh"
        sources           = ["${staff}"]
        destinations      = ["${staff}"]
        authorized_groups = { "${staff}" = ["root"] }
      }`,
    path: ({ id }) => `/policies/${id}`,
    rounds: [
      {
        change: (current: Json) => ({
          name: "other",
          description: "nobody",
          enabled: false,
          ...rules(current, ([https, one, shell]) => {
            Object.assign(https!, {
              name: "http",
              description: "open",
              enabled: false,
              action: "drop",
              protocol: "udp",
              bidirectional: false,
              sources: [guests],
              destinations: [guests],
              ports: ["80"],
            });
            Object.assign(one!, {
              sourceResource: { id: peer, type: "peer" },
              destinationResource: { id: peer, type: "peer" },
              port_ranges: [{ start: 1, end: 2 }],
            });
            shell!.authorized_groups = { [staff]: ["admin"] };
          }),
        }),
        drifted: [
          "name",
          "description",
          "enabled",
          ...inside("rule", ["name", "description", "enabled", "action", "protocol", "bidirectional"]),
          ...inside("rule", ["sources", "destinations", "ports", "authorized_groups"]),
          ...inside("rule", ["source_resource.id", "source_resource.type"]),
          ...inside("rule", ["destination_resource.id", "destination_resource.type"]),
          ...inside("rule", ["port_ranges.start", "port_ranges.end"]),
        ],
      },
      {
        change: (current: Json) =>
          rules(current, ([https, one, shell]) => {
            https!.ports = [];
            Object.assign(one!, { sources: [staff], destinations: [staff] });
            delete one!.sourceResource;
            delete one!.destinationResource;
            one!.port_ranges.push({ start: 1, end: 2 });
            Object.assign(shell!, { authorized_groups: {}, protocol: "all" });
          }),
        drifted: [
          ...inside("rule", ["ports emptied", "port_ranges", "authorized_groups emptied", "protocol"]),
          ...inside("rule", ["source_resource emptied", "destination_resource emptied"]),
          ...inside("rule", ["sources added", "destinations added"]),
        ],
      },
      {
        change: (current: Json) =>
          rules(current, (all) => {
            const [https, one] = all;
            delete https!.sources;
            delete https!.destinations;
            Object.assign(https!, {
              sourceResource: { id: peer, type: "peer" },
              destinationResource: { id: peer, type: "peer" },
            });
            one!.port_ranges = [];
            all.pop();
          }),
        drifted: [
          "rule",
          ...inside("rule", ["sources emptied", "destinations emptied", "port_ranges emptied"]),
          ...inside("rule", ["source_resource added", "destination_resource added"]),
        ],
      },
    ],
  };
}
