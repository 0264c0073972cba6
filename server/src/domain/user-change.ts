import { AppError } from "@netbird-proxy/proto";
import { type Role, roles, type User } from "../store/users.ts";

/** @throws AppError `user.invalid` */
export function parseRole(text: string): Role {
  const role = text.toLowerCase() as Role;
  if (roles.includes(role)) return role;
  throw new AppError("user.invalid", `unknown role ${JSON.stringify(text)}`, { path: "role" });
}

function denied(path: string, message: string, hint?: string): never {
  throw new AppError("auth.permission_denied", message, { path, ...(hint ? { hint } : {}) });
}

/**
 * Who may change whom. An owner who makes somebody else the owner hands the account over.
 * @throws AppError `auth.permission_denied`, `user.invalid`
 */
export function checkUserChange(
  initiator: Pick<User, "id" | "role">,
  user: User,
  change: { role: Role; isBlocked: boolean },
): void {
  const { role, isBlocked } = change;
  if (initiator.role !== "owner" && initiator.role !== "admin") {
    denied("", "only an owner or admin may change users");
  }
  if (initiator.id === user.id && role !== user.role) denied("role", "users cannot change their own role");
  if (initiator.id === user.id && isBlocked !== user.isBlocked) {
    denied("is_blocked", "users cannot block or unblock themselves");
  }
  if (user.role === "owner" && role !== "owner") {
    denied("role", "the owner's role cannot be changed", "Let the owner make somebody else the owner.");
  }
  if (isBlocked && (user.role === "owner" || role === "owner")) {
    denied("is_blocked", "the owner cannot be blocked");
  }
  if (role === "owner" && user.role !== "owner") {
    if (initiator.role !== "owner") denied("role", "only the owner can make somebody else the owner");
    if (user.isServiceUser) denied("role", "a service user cannot be the owner");
  }
  if (user.pendingApproval && !isBlocked) {
    throw new AppError("user.invalid", "the user is pending approval", {
      path: "is_blocked",
      hint: "POST /api/users/{id}/approve lets the user in.",
    });
  }
}
