import type { Policy, PolicyRule } from "../client/api-types.ts";
import { isUnknown } from "../convert/value.ts";
import { useNonNullStateForUnknown, useStateForUnknown } from "../framework/plan-modifiers.ts";
import {
  flag,
  integer,
  mapOfSets,
  nested,
  nestedList,
  type PlanOf,
  type StateOf,
  setOfText,
  text,
} from "../framework/schema.ts";
import { bytesBetween, eachOfSet, integerBetween, matching, oneOf } from "../framework/validators.ts";
import { isGiven } from "./given.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";
import { sorted } from "./sorted.ts";

const port = integerBetween(1, 65_535);

const resourceAttributes = {
  id: text({ description: "Id of the peer or network resource.", required: true }),
  type: text({
    description: "`peer`, `host`, `subnet` or `domain`.",
    required: true,
    validators: [oneOf("peer", "host", "subnet", "domain")],
  }),
};

const ruleAttributes = {
  id: text({ description: "Id of the rule.", computed: true, modifiers: [useNonNullStateForUnknown()] }),
  name: text({ description: "Name of the rule.", required: true }),
  description: text({ description: "What it is for.", optional: true }),
  enabled: flag({ description: "Whether it counts. Defaults to true.", default: true }),
  action: text({
    description: "`accept` or `drop`. Defaults to `accept`.",
    default: "accept",
    validators: [oneOf("accept", "drop")],
  }),
  protocol: text({
    description: "`all`, `tcp`, `udp`, `icmp` or `netbird-ssh`. Defaults to `all`.",
    default: "all",
    validators: [oneOf("all", "tcp", "udp", "icmp", "netbird-ssh")],
  }),
  bidirectional: flag({
    description: "Whether it counts in both directions. Defaults to true.",
    default: true,
  }),
  sources: setOfText({ description: "Ids of groups. Either this or `source_resource`.", optional: true }),
  source_resource: nested(resourceAttributes, {
    description: "One peer or resource in place of groups.",
    optional: true,
  }),
  destinations: setOfText({
    description: "Ids of groups. Either this or `destination_resource`.",
    optional: true,
  }),
  destination_resource: nested(resourceAttributes, {
    description: "One peer or resource in place of groups.",
    optional: true,
  }),
  ports: setOfText({
    description: "Ports, as text. For `tcp` and `udp`; either this or `port_ranges`.",
    optional: true,
    validators: [eachOfSet(matching(/^[0-9]{1,5}$/, 'a port such as "443"'))],
  }),
  port_ranges: nestedList(
    {
      start: integer({ description: "First port.", required: true, validators: [port] }),
      end: integer({ description: "Last port.", required: true, validators: [port] }),
    },
    { description: "Ranges of ports. For `tcp` and `udp`.", optional: true },
  ),
  authorized_groups: mapOfSets({
    description: "Local users by group id, for `netbird-ssh`.",
    optional: true,
  }),
};

export const policyAttributes = {
  id: text({ description: "Id of the policy.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({ description: "Name of the policy.", required: true, validators: [bytesBetween(1, 255)] }),
  description: text({ description: "What it is for.", optional: true }),
  enabled: flag({ description: "Whether it counts. Defaults to true.", default: true }),
  source_posture_checks: setOfText({
    description: "Ids of posture checks. Only NetBird's own server has them.",
    optional: true,
    clientOnly: true,
  }),
  rule: nestedList(ruleAttributes, {
    description: "The rules; at least one.",
    optional: true,
    block: true,
  }),
};

type Rule = StateOf<typeof ruleAttributes>;

function body({ plan }: { plan: PlanOf<typeof policyAttributes> }) {
  return {
    name: plan.name,
    description: plan.description ?? "",
    enabled: plan.enabled,
    source_posture_checks: sorted(plan.source_posture_checks),
    rules: ((plan.rule ?? []) as unknown as readonly Rule[]).map(ruleBody),
  };
}

function ruleBody(rule: Rule) {
  return {
    ...(rule.id === null || isUnknown(rule.id) ? {} : { id: rule.id }),
    name: rule.name,
    description: rule.description ?? "",
    enabled: rule.enabled,
    action: rule.action,
    protocol: rule.protocol,
    bidirectional: rule.bidirectional,
    ...(rule.source_resource === null
      ? { sources: sorted(rule.sources) }
      : { sourceResource: { ...rule.source_resource } }),
    ...(rule.destination_resource === null
      ? { destinations: sorted(rule.destinations) }
      : { destinationResource: { ...rule.destination_resource } }),
    ...(rule.ports?.length ? { ports: sorted(rule.ports) } : {}),
    ...(rule.port_ranges?.length ? { port_ranges: rule.port_ranges.map((range) => ({ ...range })) } : {}),
    ...(rule.authorized_groups?.size
      ? {
          authorized_groups: Object.fromEntries(
            [...rule.authorized_groups].map(([group, users]) => [group, sorted(users)]),
          ),
        }
      : {}),
  };
}

function toldRule(rule: PolicyRule) {
  const ids = (groups: PolicyRule["sources"]) => (groups?.length ? groups.map(({ id }) => id) : null);
  return {
    id: rule.id,
    name: rule.name,
    description: rule.description,
    enabled: rule.enabled,
    action: rule.action,
    protocol: rule.protocol,
    bidirectional: rule.bidirectional,
    sources: ids(rule.sources),
    source_resource: rule.sourceResource ?? null,
    destinations: ids(rule.destinations),
    destination_resource: rule.destinationResource ?? null,
    ports: rule.ports?.length ? rule.ports : null,
    port_ranges: rule.port_ranges?.length ? rule.port_ranges : null,
    authorized_groups: rule.authorized_groups ? new Map(Object.entries(rule.authorized_groups)) : null,
  };
}

export const policyKind: RestKind<typeof policyAttributes, Policy> = {
  typeName: "netbird_policy",
  what: "policy",
  description:
    "Which groups of peers may reach which. What the reverse proxy reaches follows from its services.",
  attributes: policyAttributes,
  collection: () => "/policies",
  names: { name: ({ name }) => name },
  createBody: body,
  updateBody: body,
  told: (found) => ({
    id: found.id,
    name: found.name,
    description: found.description,
    enabled: found.enabled,
    rule: found.rules.map(toldRule),
  }),
};

const exclusive = [
  ["sources", "source_resource"],
  ["destinations", "destination_resource"],
  ["ports", "port_ranges"],
] as const;

export const policy = restResource(policyKind, {
  validate(config, diagnostics) {
    const { rule } = config;
    if (isUnknown(rule) || rule === null) return;
    if (rule.length === 0) diagnostics.error([], "A policy without rules", "Add at least one `rule` block.");
    for (const [index, one] of rule.entries()) {
      if (isUnknown(one)) continue;
      for (const [first, second] of exclusive) {
        if (isGiven(one[first]) && isGiven(one[second]))
          diagnostics.error(
            ["rule", index, second],
            "Two answers to one question",
            `Give either \`${first}\` or \`${second}\`.`,
          );
        else if (first !== "ports" && one[first] === null && one[second] === null)
          diagnostics.error(
            ["rule", index, first],
            "Nothing to apply to",
            `Give \`${first}\` or \`${second}\`.`,
          );
      }
      if ((one.protocol === null || one.protocol === "all" || one.protocol === "icmp") && one.ports !== null)
        diagnostics.error(["rule", index, "ports"], "No ports here", "Ports need protocol `tcp` or `udp`.");
    }
  },

  attributeOf(field) {
    const steps = field.split(/[.[\]]+/).filter((step) => step !== "");
    if (steps[0] === "rules") {
      const index = Number(steps[1]);
      return Number.isInteger(index) ? ["rule", index] : ["rule"];
    }
    return Object.hasOwn(policyAttributes, steps[0] ?? "") ? [steps[0]!] : undefined;
  },
});
