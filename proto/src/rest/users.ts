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
  idp_id: Type.Optional(
    Type.String({ description: "`local` for people that the embedded identity provider keeps." }),
  ),
};

export const User = Type.Object(
  { ...fields, password: Type.Optional(Type.String({ description: "Of a person just made; shown once." })) },
  { title: "User" },
);
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

export const InviteRequest = Type.Object(
  {
    email: Type.String({ default: "" }),
    name: Type.String({ default: "" }),
    role: Type.String({ default: "", description: roleNames.join(", ") }),
    auto_groups: Type.Array(Type.String(), { default: [] }),
    expires_in: Type.Optional(Type.Integer({ description: "Seconds, 3600 or more; 259200 unless given." })),
  },
  { title: "UserInviteCreateRequest" },
);
export type InviteRequest = Static<typeof InviteRequest>;

const inviteLink = {
  invite_token: Type.String({ description: "Shown once." }),
  invite_url: Type.String({ description: "The page where the invitation is accepted; shown once." }),
};

export const UserInvite = Type.Object(
  {
    id: Type.String(),
    email: Type.String(),
    name: Type.String(),
    role: Type.Enum([...roleNames]),
    auto_groups: Type.Array(Type.String()),
    expires_at: Timestamp,
    created_at: Timestamp,
    expired: Type.Boolean(),
    invite_token: Type.Optional(inviteLink.invite_token),
    invite_url: Type.Optional(inviteLink.invite_url),
  },
  { title: "UserInvite" },
);
export type UserInvite = Static<typeof UserInvite>;

export const InviteRegenerateRequest = Type.Object(
  { expires_in: Type.Optional(Type.Integer({ description: "Seconds, 3600 or more; 259200 unless given." })) },
  { title: "UserInviteRegenerateRequest" },
);
export type InviteRegenerateRequest = Static<typeof InviteRegenerateRequest>;

export const InviteRegenerated = Type.Object(
  { ...inviteLink, invite_expires_at: Timestamp },
  { title: "UserInviteRegenerateResponse" },
);
export type InviteRegenerated = Static<typeof InviteRegenerated>;

export const InviteInfo = Type.Object(
  {
    email: Type.String(),
    name: Type.String(),
    expires_at: Timestamp,
    valid: Type.Boolean(),
    invited_by: Type.String(),
  },
  { title: "UserInviteInfo" },
);
export type InviteInfo = Static<typeof InviteInfo>;

export const InviteAcceptRequest = Type.Object(
  { password: Type.String({ default: "" }) },
  { title: "UserInviteAcceptRequest" },
);
export type InviteAcceptRequest = Static<typeof InviteAcceptRequest>;

export const InviteAccepted = Type.Object({ success: Type.Boolean() }, { title: "UserInviteAcceptResponse" });
export type InviteAccepted = Static<typeof InviteAccepted>;
