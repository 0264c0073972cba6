import { AppError } from "@netbird-proxy/proto";
import { checkPasswordRules } from "../domain/check-password-rules.ts";
import { isEmailAddress } from "../domain/email-address.ts";
import { newLocalUserId } from "../domain/local-user-id.ts";
import { hashToken, isWellFormedToken, newToken } from "../domain/token.ts";
import { parseRole } from "../domain/user-change.ts";
import { newId } from "../domain/xid.ts";
import { hashSecret } from "../secrets/password-hash.ts";
import type { Db } from "../store/transaction.ts";
import {
  deleteUserInvite,
  findUserInviteByEmail,
  findUserInviteByToken,
  getUserInvite,
  insertUserInvite,
  type UserInvite,
  updateUserInvite,
} from "../store/user-invites.ts";
import { findUserByEmail, getUser, insertUser, type User } from "../store/users.ts";
import { runCommand } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";

export const DEFAULT_INVITE_SECONDS = 259_200;
const MIN_INVITE_SECONDS = 3_600;
const MAX_INVITE_SECONDS = 365 * 86_400;

export interface InviteDraft {
  email: string;
  name: string;
  role: string;
  autoGroups: string[];
  expiresInSeconds: number;
}

/**
 * An invitation that whoever holds its token accepts with a password of their choice.
 * @throws AppError `invite.invalid`, `invite.exists`, `user.email_taken`
 */
export async function createInvite(
  context: CommandContext,
  actor: Actor,
  draft: InviteDraft,
  options?: CommandOptions,
): Promise<{ invite: UserInvite; plain: string }> {
  const role = parseRole(draft.role);
  if (role === "owner") throw invalid("role", "an account has one owner");
  if (!isEmailAddress(draft.email))
    throw invalid("email", `${JSON.stringify(draft.email)} is no e-mail address`);
  if (draft.name === "") throw invalid("name", "name is required");
  checkDuration(draft.expiresInSeconds);
  return runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      await requireFreeEmail(trx, actor, draft.email);
      if (await findUserInviteByEmail(trx, actor.account, draft.email)) {
        throw new AppError("invite.exists", `${draft.email} is invited already`, { path: "email" });
      }
      await requireGroups(trx, actor.account, draft.autoGroups, "auto_groups", "invite.invalid", {
        all: false,
      });
      const plain = newToken("nbi_");
      const invite: UserInvite = {
        id: newId(),
        accountId: actor.account,
        email: draft.email,
        name: draft.name,
        role,
        autoGroups: draft.autoGroups,
        tokenHash: hashToken(plain),
        createdBy: actor.id,
        createdAt: nowMs,
        expiresAt: nowMs + draft.expiresInSeconds * 1000,
      };
      await insertUserInvite(trx, invite);
      await audit("user.invite", invite.id, { email: invite.email, name: invite.name, role });
      return { invite, plain };
    },
    options,
  );
}

/** A new token and term; the old token is worth nothing from then on. @throws AppError `invite.not_found`, `invite.invalid` */
export async function regenerateInvite(
  context: CommandContext,
  actor: Actor,
  id: string,
  expiresInSeconds: number,
  options?: CommandOptions,
): Promise<{ invite: UserInvite; plain: string }> {
  checkDuration(expiresInSeconds);
  return runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      const before = await getUserInvite(trx, actor.account, id);
      if (!before) throw new AppError("invite.not_found", `invite ${id} not found`);
      const plain = newToken("nbi_");
      const change = { tokenHash: hashToken(plain), expiresAt: nowMs + expiresInSeconds * 1000 };
      await updateUserInvite(trx, actor.account, id, change);
      await audit("user.invite.link.regenerate", id, { email: before.email, name: before.name });
      return { invite: { ...before, ...change }, plain };
    },
    options,
  );
}

/** @throws AppError `invite.not_found` */
export async function removeInvite(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async ({ trx, audit }) => {
      const invite = await getUserInvite(trx, actor.account, id);
      if (!invite) throw new AppError("invite.not_found", `invite ${id} not found`);
      await deleteUserInvite(trx, actor.account, id);
      await audit("user.invite.delete", id, { email: invite.email, name: invite.name });
    },
    options,
  );
}

/** For who holds the token. @throws AppError `invite.not_found` */
export async function readInvite(
  { store: { db } }: CommandContext,
  token: string,
): Promise<{ invite: UserInvite; invitedBy: string }> {
  const invite = isWellFormedToken(token, "nbi_")
    ? await findUserInviteByToken(db, hashToken(token))
    : undefined;
  if (!invite) throw unknownInvite();
  const host = await getUser(db, invite.accountId, invite.createdBy);
  return { invite, invitedBy: host?.name || host?.email || "" };
}

/**
 * Makes the user that was invited; the invitation is gone with it.
 * @throws AppError `invite.not_found`, `invite.expired`, `user.invalid`, `user.email_taken`
 */
export async function acceptInvite(context: CommandContext, token: string, password: string): Promise<User> {
  const { invite } = await readInvite(context, token);
  if (invite.expiresAt <= context.nowMs()) throw expired();
  checkPasswordRules(password, "password");
  const passwordHash = await hashSecret(password);
  const id = newLocalUserId();
  const actor = { account: invite.accountId, id, name: invite.name, email: invite.email };
  return runCommand(context, actor, async ({ trx, nowMs, audit }) => {
    // Somebody may have been faster, or the invitation was taken back.
    const current = await findUserInviteByToken(trx, invite.tokenHash);
    if (!current) throw unknownInvite();
    await requireFreeEmail(trx, actor, current.email);
    await deleteUserInvite(trx, current.accountId, current.id);
    const user: User = {
      id,
      accountId: current.accountId,
      email: current.email,
      name: current.name,
      role: current.role,
      passwordHash,
      isServiceUser: false,
      isBlocked: false,
      pendingApproval: false,
      issued: "api",
      autoGroups: current.autoGroups,
      lastLogin: null,
      signedOutAt: null,
      createdAt: nowMs,
    };
    await insertUser(trx, user);
    await audit("user.invite.accept", user.id, { email: user.email, name: user.name });
    return user;
  });
}

async function requireFreeEmail(db: Db, actor: Actor, email: string): Promise<void> {
  if (!(await findUserByEmail(db, actor.account, email))) return;
  throw new AppError("user.email_taken", `a user with the address ${email} exists already`, {
    path: "email",
  });
}

function checkDuration(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= MIN_INVITE_SECONDS && seconds <= MAX_INVITE_SECONDS) return;
  throw invalid(
    "expires_in",
    `expires_in must be ${MIN_INVITE_SECONDS} (an hour) to ${MAX_INVITE_SECONDS} seconds`,
  );
}

function invalid(path: string, message: string): AppError {
  return new AppError("invite.invalid", message, { path });
}

function unknownInvite(): AppError {
  return new AppError(
    "invite.not_found",
    "the invitation was not found: it was used, replaced or taken back",
  );
}

function expired(): AppError {
  return new AppError("invite.expired", "the invitation has expired");
}
