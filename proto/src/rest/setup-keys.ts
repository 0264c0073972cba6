import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

export const SetupKeyRequest = Type.Object(
  {
    name: Type.String({ default: "" }),
    type: Type.Enum(["reusable", "one-off"]),
    expires_in: Type.Integer({ default: 0, description: "Seconds; 0: never." }),
    auto_groups: Type.Array(Type.String(), {
      default: [],
      description: "Group ids for peers that join with it.",
    }),
    usage_limit: Type.Integer({ default: 0, description: "0: unlimited. A one-off key has 1." }),
    ephemeral: Type.Optional(Type.Boolean()),
    allow_extra_dns_labels: Type.Optional(Type.Boolean()),
  },
  { title: "SetupKeyRequest" },
);
export type SetupKeyRequest = Static<typeof SetupKeyRequest>;

export const SetupKeyUpdate = Type.Object(
  {
    auto_groups: Type.Array(Type.String()),
    revoked: Type.Boolean({ default: false, description: "A revoked key stays revoked." }),
  },
  { title: "SetupKeyUpdate" },
);
export type SetupKeyUpdate = Static<typeof SetupKeyUpdate>;

export const SetupKey = Type.Object(
  {
    id: Type.String(),
    key: Type.String({ description: "Whole in the reply to POST, shortened afterwards." }),
    name: Type.String(),
    expires: Timestamp,
    type: Type.Enum(["reusable", "one-off"]),
    valid: Type.Boolean(),
    revoked: Type.Boolean(),
    used_times: Type.Integer(),
    last_used: Timestamp,
    state: Type.Enum(["valid", "overused", "expired", "revoked"]),
    auto_groups: Type.Array(Type.String()),
    updated_at: Timestamp,
    usage_limit: Type.Integer(),
    ephemeral: Type.Boolean(),
    allow_extra_dns_labels: Type.Boolean(),
  },
  { title: "SetupKey" },
);
export type SetupKey = Static<typeof SetupKey>;
