import Type, { type Static } from "typebox";
import { Timestamp } from "./shared.ts";

export const roleNames = ["owner", "admin", "user", "billing_admin", "auditor", "network_admin"] as const;

export const UserRequest = Type.Object(
  {
    role: Type.String({ default: "", description: roleNames.join(", ") }),
    auto_groups: Type.Array(Type.String(), { default: [] }),
    is_service_user: Type.Boolean({ default: false }),
    name: Type.Optional(Type.String()),
    email: Type.Optional(Type.String()),
  },
  { title: "UserRequest" },
);
export type UserRequest = Static<typeof UserRequest>;

export const UserUpdate = Type.Object(
  {
    role: Type.String({ default: "", description: roleNames.join(", ") }),
    auto_groups: Type.Optional(
      Type.Array(Type.String(), { description: "Group ids, [] for none; a request without it is refused." }),
    ),
    is_blocked: Type.Boolean({ default: false }),
  },
  { title: "UserUpdate" },
);
export type UserUpdate = Static<typeof UserUpdate>;

export const PasswordChange = Type.Object(
  { old_password: Type.String({ default: "" }), new_password: Type.String({ default: "" }) },
  { title: "PasswordChange" },
);
export type PasswordChange = Static<typeof PasswordChange>;

const fields = {
  id: Type.String(),
  email: Type.String(),
  name: Type.String(),
  role: Type.Enum([...roleNames]),
  status: Type.Enum(["active", "invited", "blocked"]),
  auto_groups: Type.Array(Type.String()),
  is_blocked: Type.Boolean(),
  pending_approval: Type.Boolean(),
  is_current: Type.Boolean(),
  is_service_user: Type.Boolean(),
  issued: Type.String(),
  last_login: Timestamp,
};

export const User = Type.Object(fields, { title: "User" });
export type User = Static<typeof User>;

export const CurrentUser = Type.Object(
  {
    ...fields,
    permissions: Type.Object({
      is_restricted: Type.Boolean(),
      modules: Type.Record(Type.String(), Type.Record(Type.String(), Type.Boolean())),
    }),
  },
  { title: "CurrentUser" },
);
export type CurrentUser = Static<typeof CurrentUser>;

export const UserListQuery = Type.Object({ service_user: Type.Optional(Type.Enum(["true", "false"])) });
export type UserListQuery = Static<typeof UserListQuery>;

export const PersonalAccessTokenRequest = Type.Object(
  {
    name: Type.String({ default: "" }),
    expires_in: Type.Integer({ default: 0, description: "Days, 1 to 365." }),
  },
  { title: "PersonalAccessTokenRequest" },
);
export type PersonalAccessTokenRequest = Static<typeof PersonalAccessTokenRequest>;

export const PersonalAccessToken = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    expiration_date: Timestamp,
    created_by: Type.String(),
    created_at: Timestamp,
    last_used: Type.Optional(Timestamp),
  },
  { title: "PersonalAccessToken" },
);
export type PersonalAccessToken = Static<typeof PersonalAccessToken>;

export const PersonalAccessTokenCreated = Type.Object(
  { plain_token: Type.String({ description: "Shown once." }), personal_access_token: PersonalAccessToken },
  { title: "PersonalAccessTokenCreated" },
);
export type PersonalAccessTokenCreated = Static<typeof PersonalAccessTokenCreated>;

export const UserParams = Type.Object({ userId: Type.String() });
export const UserTokenParams = Type.Object({ userId: Type.String(), id: Type.String() });
