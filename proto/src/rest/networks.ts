import Type, { type Static } from "typebox";
import { GroupSummary, Nullable } from "./shared.ts";

export const NetworkRequest = Type.Object(
  { name: Type.String({ default: "" }), description: Type.Optional(Type.String()) },
  { title: "NetworkRequest" },
);
export type NetworkRequest = Static<typeof NetworkRequest>;

export const Network = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: Type.String(),
    routers: Nullable(Type.Array(Type.String())),
    resources: Nullable(Type.Array(Type.String())),
    routing_peers_count: Type.Integer(),
    policies: Type.Array(Type.String()),
  },
  { title: "Network" },
);
export type Network = Static<typeof Network>;

export const NetworkResourceRequest = Type.Object(
  {
    name: Type.String({ default: "" }),
    description: Type.Optional(Type.String()),
    address: Type.String({
      default: "",
      description: "An IP address or CIDR, or a domain name, perhaps starting with *.",
    }),
    enabled: Type.Boolean({ default: false }),
    groups: Type.Array(Type.String(), { default: [], description: "Group ids." }),
  },
  { title: "NetworkResourceRequest" },
);
export type NetworkResourceRequest = Static<typeof NetworkResourceRequest>;

export const NetworkResource = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    description: Type.String(),
    type: Type.Enum(["host", "subnet", "domain"]),
    address: Type.String(),
    groups: Nullable(Type.Array(GroupSummary)),
    enabled: Type.Boolean(),
  },
  { title: "NetworkResource" },
);
export type NetworkResource = Static<typeof NetworkResource>;

export const NetworkRouterRequest = Type.Object(
  {
    peer: Type.Optional(Type.String({ description: "Either a peer id, or peer_groups." })),
    peer_groups: Type.Optional(Type.Array(Type.String(), { description: "Group ids." })),
    metric: Type.Integer({ default: 0, description: "Lower wins." }),
    masquerade: Type.Boolean({ default: false }),
    enabled: Type.Boolean({ default: false }),
  },
  { title: "NetworkRouterRequest" },
);
export type NetworkRouterRequest = Static<typeof NetworkRouterRequest>;

export const NetworkRouter = Type.Object(
  {
    id: Type.String(),
    peer: Type.String(),
    peer_groups: Nullable(Type.Array(Type.String())),
    metric: Type.Integer(),
    masquerade: Type.Boolean(),
    enabled: Type.Boolean(),
  },
  { title: "NetworkRouter" },
);
export type NetworkRouter = Static<typeof NetworkRouter>;

export const NetworkParams = Type.Object({ networkId: Type.String() });
export const NetworkChildParams = Type.Object({ networkId: Type.String(), id: Type.String() });
