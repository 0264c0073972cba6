import type { PersonalAccessToken, User } from "@netbird-proxy/proto/rest";
import { LOCAL_CONNECTOR } from "../../domain/local-user-id.ts";
import type { PersonalAccessToken as StoredToken } from "../../store/personal-access-tokens.ts";
import type { User as StoredUser } from "../../store/users.ts";
import { timestamp, timestampOrNever } from "./timestamp.ts";

export function viewUser(user: StoredUser, callerId: string): User {
  return {
    id: user.id,
    email: user.email,
    name: user.name,
    role: user.role,
    status: user.isBlocked ? "blocked" : "active",
    auto_groups: user.autoGroups,
    is_blocked: user.isBlocked,
    pending_approval: user.pendingApproval,
    is_current: user.id === callerId,
    is_service_user: user.isServiceUser,
    issued: user.issued,
    last_login: timestampOrNever(user.lastLogin),
    ...(user.passwordHash === null ? {} : { idp_id: LOCAL_CONNECTOR }),
  };
}

export function viewPersonalAccessToken(token: StoredToken): PersonalAccessToken {
  return {
    id: token.id,
    name: token.name,
    expiration_date: timestamp(token.expiresAt),
    created_by: token.createdBy,
    created_at: timestamp(token.createdAt),
    ...(token.lastUsed === null ? {} : { last_used: timestamp(token.lastUsed) }),
  };
}
