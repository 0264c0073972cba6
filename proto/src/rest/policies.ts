import Type, { type Static } from "typebox";
import { GroupSummary, Nullable } from "./shared.ts";

export const policyActions = ["accept", "drop"] as const;
export const policyProtocols = ["all", "tcp", "udp", "icmp", "netbird-ssh"] as const;

/** A peer or network resource in the place of groups. Keys of rules that hold one are camelCase in NetBird's API. */
export const PolicyResource = Type.Object(
  { id: Type.String(), type: Type.String({ description: "host, subnet, domain or peer; not checked." }) },
  { title: "PolicyResource" },
);
export type PolicyResource = Static<typeof PolicyResource>;

export const PolicyPortRange = Type.Object(
  { start: Type.Integer(), end: Type.Integer() },
  { title: "PolicyPortRange" },
);
export type PolicyPortRange = Static<typeof PolicyPortRange>;

const AuthorizedGroups = Type.Record(Type.String(), Type.Array(Type.String()), {
  description: "Local users per source group; for netbird-ssh only.",
});

export const PolicyRuleRequest = Type.Object(
  {
    id: Type.Optional(Type.String({ description: "On PUT: an existing rule of the policy." })),
    name: Type.String({ default: "" }),
    description: Type.Optional(Type.String()),
    enabled: Type.Boolean({ default: false }),
    bidirectional: Type.Boolean({ default: false }),
    action: Type.Enum([...policyActions]),
    protocol: Type.Enum([...policyProtocols]),
    sources: Type.Optional(Type.Array(Type.String(), { description: "Group ids; or sourceResource." })),
    sourceResource: Type.Optional(PolicyResource),
    destinations: Type.Optional(
      Type.Array(Type.String(), { description: "Group ids; or destinationResource." }),
    ),
    destinationResource: Type.Optional(PolicyResource),
    ports: Type.Optional(Type.Array(Type.String(), { description: "Or port_ranges. Not for all and icmp." })),
    port_ranges: Type.Optional(Type.Array(PolicyPortRange)),
    authorized_groups: Type.Optional(AuthorizedGroups),
  },
  { title: "PolicyRuleRequest" },
);
export type PolicyRuleRequest = Static<typeof PolicyRuleRequest>;

export const PolicyRequest = Type.Object(
  {
    name: Type.String({ default: "" }),
    description: Type.Optional(Type.String()),
    enabled: Type.Boolean({ default: false }),
    source_posture_checks: Type.Optional(
      Type.Array(Type.String(), { description: "There are no posture checks here, so every id is dropped." }),
    ),
    rules: Type.Array(PolicyRuleRequest, { default: [] }),
  },
  { title: "PolicyRequest" },
);
export type PolicyRequest = Static<typeof PolicyRequest>;

export const PolicyRule = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: Type.String(),
    enabled: Type.Boolean(),
    bidirectional: Type.Boolean(),
    action: Type.Enum([...policyActions]),
    protocol: Type.Enum([...policyProtocols]),
    sources: Nullable(Type.Array(GroupSummary)),
    sourceResource: Type.Optional(PolicyResource),
    destinations: Nullable(Type.Array(GroupSummary)),
    destinationResource: Type.Optional(PolicyResource),
    ports: Type.Optional(Type.Array(Type.String())),
    port_ranges: Type.Optional(Type.Array(PolicyPortRange)),
    authorized_groups: Type.Optional(AuthorizedGroups),
  },
  { title: "PolicyRule" },
);
export type PolicyRule = Static<typeof PolicyRule>;

export const Policy = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: Type.String(),
    enabled: Type.Boolean(),
    source_posture_checks: Type.Array(Type.String()),
    rules: Type.Array(PolicyRule),
  },
  { title: "Policy" },
);
export type Policy = Static<typeof Policy>;
