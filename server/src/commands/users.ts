import { randomUUID } from "node:crypto";
import { AppError, type UserId } from "@netbird-proxy/proto";
import { deleteUser, getUser, insertUser, type Role, roles, type User } from "../store/users.ts";
import { runCommand } from "./command.ts";
import type { Actor, CommandContext } from "./context.ts";

export interface UserDraft {
  name: string;
  role: string;
  autoGroups: string[];
  isServiceUser: boolean;
}

/** @throws AppError `user.invalid` */
export async function createUser(context: CommandContext, actor: Actor, draft: UserDraft): Promise<User> {
  const role = draft.role.toLowerCase() as Role;
  if (!roles.includes(role)) {
    throw new AppError("user.invalid", `unknown role ${JSON.stringify(draft.role)}`, { path: "role" });
  }
  if (role === "owner") throw new AppError("user.invalid", "an account has one owner", { path: "role" });
  if (!draft.isServiceUser) {
    throw new AppError("user.invalid", "people join through the identity provider, which is not configured", {
      path: "is_service_user",
      hint: "Set is_service_user to true for programs.",
    });
  }
  if (draft.name === "") throw new AppError("user.invalid", "name is required", { path: "name" });
  return runCommand(context, actor, async ({ trx, nowMs, audit }) => {
    const user: User = {
      id: randomUUID() as UserId,
      accountId: actor.account,
      email: "",
      name: draft.name,
      role,
      passwordHash: null,
      isServiceUser: true,
      isBlocked: false,
      pendingApproval: false,
      issued: "api",
      autoGroups: draft.autoGroups,
      lastLogin: null,
      createdAt: nowMs,
    };
    await insertUser(trx, user);
    await audit("service.user.create", user.id, { name: user.name });
    return user;
  });
}

/** @throws AppError `user.not_found`, `user.invalid`, `auth.permission_denied` */
export async function removeUser(context: CommandContext, actor: Actor, id: string): Promise<void> {
  await runCommand(context, actor, async ({ trx, audit }) => {
    const user = await getUser(trx, actor.account, id);
    if (!user) throw new AppError("user.not_found", `user ${id} not found`);
    if (user.id === actor.id) throw new AppError("user.invalid", "users cannot delete themselves");
    if (user.role === "owner") {
      throw new AppError("auth.permission_denied", "the owner cannot be deleted", {
        hint: "Make another user the owner first.",
      });
    }
    await deleteUser(trx, actor.account, user.id);
    await audit(user.isServiceUser ? "service.user.delete" : "user.delete", user.id, { name: user.name });
  });
}
