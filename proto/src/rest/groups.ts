import Type, { type Static } from "typebox";
import { Nullable } from "./shared.ts";

export const groupResourceTypes = ["host", "subnet", "domain", "peer"] as const;

export const GroupResource = Type.Object(
  { id: Type.String(), type: Type.Enum([...groupResourceTypes]) },
  { title: "GroupResource" },
);
export type GroupResource = Static<typeof GroupResource>;

export const GroupRequest = Type.Object(
  {
    name: Type.String({ default: "" }),
    peers: Type.Optional(Type.Array(Type.String(), { description: "Peer ids; absent means none." })),
    resources: Type.Optional(Type.Array(GroupResource, { description: "Absent means none." })),
  },
  { title: "GroupRequest" },
);
export type GroupRequest = Static<typeof GroupRequest>;

export const Group = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    issued: Type.Enum(["api", "jwt", "integration"]),
    peers_count: Type.Integer(),
    resources_count: Type.Integer(),
    peers: Nullable(Type.Array(Type.Object({ id: Type.String(), name: Type.String() }))),
    resources: Nullable(Type.Array(GroupResource)),
  },
  { title: "Group" },
);
export type Group = Static<typeof Group>;

export const GroupListQuery = Type.Object({
  name: Type.Optional(Type.String({ description: "Exact name." })),
});
export type GroupListQuery = Static<typeof GroupListQuery>;
