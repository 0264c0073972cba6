import { type AccountId, AppError, type UserId } from "@netbird-proxy/proto";
import { hashToken, newToken } from "../domain/token.ts";
import { newId } from "../domain/xid.ts";
import {
  deletePersonalAccessToken,
  getPersonalAccessToken,
  insertPersonalAccessToken,
  listPersonalAccessTokens,
  type PersonalAccessToken,
} from "../store/personal-access-tokens.ts";
import { getUser, type User } from "../store/users.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext } from "./context.ts";

const DAY_MS = 86_400_000;

/** Inside another command. `days` is a whole number, so that a client can tell it from the two dates. */
export async function createToken(
  { trx, nowMs, audit }: Work,
  account: AccountId,
  { userId, name, days, createdBy }: { userId: UserId; name: string; days: number; createdBy: string },
): Promise<{ plain: string; token: PersonalAccessToken }> {
  const user = await getUser(trx, account, userId);
  const plain = newToken("nbp_");
  const token: PersonalAccessToken = {
    id: newId(),
    accountId: account,
    userId,
    name,
    tokenHash: hashToken(plain),
    expiresAt: nowMs + days * DAY_MS,
    createdBy,
    createdAt: nowMs,
    lastUsed: null,
  };
  await insertPersonalAccessToken(trx, token);
  await audit("personal.access.token.create", userId, {
    name,
    is_service_user: user?.isServiceUser ?? false,
    user_name: user?.name ?? "",
  });
  return { plain, token };
}

/** @throws AppError `token.invalid`, `user.not_found`, `auth.permission_denied` */
export async function createPersonalAccessToken(
  context: CommandContext,
  actor: Actor,
  owner: { user: User; caller: User },
  { name, days }: { name: string; days: number },
): Promise<{ plain: string; token: PersonalAccessToken }> {
  if (name === "") throw new AppError("token.invalid", "name is required", { path: "name" });
  if (!Number.isInteger(days) || days < 1 || days > 365) {
    throw new AppError("token.invalid", "expires_in must be 1 to 365 days", { path: "expires_in" });
  }
  return runCommand(context, actor, (work) =>
    createToken(work, actor.account, { userId: owner.user.id, name, days, createdBy: owner.caller.id }),
  );
}

/**
 * The user whose tokens `caller` may see and change: itself, or a service user when it is admin or owner.
 * @throws AppError `user.not_found`, `auth.permission_denied`
 */
export async function requireTokenOwner(
  context: CommandContext,
  caller: User,
  userId: string,
): Promise<User> {
  if (caller.id === userId) return caller;
  const user = await getUser(context.store.db, caller.accountId, userId);
  if (!user) throw new AppError("user.not_found", `user ${userId} not found`);
  if (!user.isServiceUser || (caller.role !== "owner" && caller.role !== "admin")) {
    throw new AppError(
      "auth.permission_denied",
      "only a user's own tokens, or those of service users for admins",
      {
        hint: "Sign in as that user, or use a service user.",
      },
    );
  }
  return user;
}

export async function listTokensOf(context: CommandContext, user: User): Promise<PersonalAccessToken[]> {
  return listPersonalAccessTokens(context.store.db, user.accountId, user.id);
}

/** @throws AppError `token.not_found` */
export async function requireToken(
  context: CommandContext,
  user: User,
  id: string,
): Promise<PersonalAccessToken> {
  const token = await getPersonalAccessToken(context.store.db, user.accountId, user.id, id);
  if (!token) throw new AppError("token.not_found", `token ${id} not found`);
  return token;
}

/** @throws AppError `token.not_found` */
export async function removeToken(
  context: CommandContext,
  actor: Actor,
  user: User,
  id: string,
): Promise<void> {
  const token = await requireToken(context, user, id);
  await runCommand(context, actor, async ({ trx, audit }) => {
    await deletePersonalAccessToken(trx, user.accountId, token.id);
    await audit("personal.access.token.delete", user.id, {
      name: token.name,
      is_service_user: user.isServiceUser,
      user_name: user.name,
    });
  });
}
