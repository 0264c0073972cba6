import { AppError } from "@netbird-proxy/proto";
import type { Role, User } from "../store/users.ts";

export const modules = [
  "accounts",
  "settings",
  "events",
  "users",
  "pats",
  "setup_keys",
  "peers",
  "groups",
  "policies",
  "networks",
  "routes",
  "dns",
  "nameservers",
  "identity_providers",
  "services",
] as const;
export type Module = (typeof modules)[number];
export const operations = ["read", "create", "update", "delete"] as const;
export type Operation = (typeof operations)[number];

const full: readonly Operation[] = operations;
const read: readonly Operation[] = ["read"];
const none: readonly Operation[] = [];

type Grants = Partial<Record<Module, readonly Operation[]>> & { rest: readonly Operation[] };

const grants: Record<Role, Grants> = {
  owner: { rest: full },
  admin: { rest: full, accounts: read },
  auditor: { rest: read },
  network_admin: {
    rest: none,
    networks: full,
    groups: full,
    dns: full,
    nameservers: full,
    policies: full,
    routes: full,
    pats: full,
    // NetBird gives nothing here; whoever may open networks may also publish from them.
    services: full,
    settings: read,
    accounts: read,
    events: read,
    users: read,
    setup_keys: read,
    peers: read,
    identity_providers: read,
  },
  user: { rest: none },
  billing_admin: { rest: none },
};

/** Any service user may read everything, whatever its role; writes follow the role. */
export function isAllowed(
  user: Pick<User, "role" | "isServiceUser">,
  module: Module,
  operation: Operation,
): boolean {
  if (user.isServiceUser && operation === "read") return true;
  const { [module]: own, rest } = grants[user.role] ?? { rest: none };
  return (own ?? rest).includes(operation);
}

/** Whatever the operation is. @throws AppError `auth.user_blocked` */
export function requireNotBlocked(user: User): void {
  if (!user.isBlocked) return;
  throw new AppError(
    "auth.user_blocked",
    user.pendingApproval ? "the user is pending approval" : "the user is blocked",
  );
}

/** @throws AppError `auth.user_blocked`, `auth.permission_denied` */
export function requirePermission(user: User, module: Module, operation: Operation): void {
  requireNotBlocked(user);
  if (!isAllowed(user, module, operation)) {
    throw new AppError(
      "auth.permission_denied",
      `role ${user.role} may not ${operation} ${module.replaceAll("_", " ")}`,
    );
  }
}

/** What a dashboard asks for: every module with every operation. */
export function permissionTable(user: User): Record<string, Record<string, boolean>> {
  return Object.fromEntries(
    modules.map((module) => [
      module,
      Object.fromEntries(
        operations.map((operation) => [operation, !user.isBlocked && isAllowed(user, module, operation)]),
      ),
    ]),
  );
}
