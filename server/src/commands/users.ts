import { randomInt, randomUUID } from "node:crypto";
import { type AccountId, AppError, type UserId } from "@netbird-proxy/proto";
import { checkPasswordRules } from "../domain/check-password-rules.ts";
import { isEmailAddress } from "../domain/email-address.ts";
import { newLocalUserId } from "../domain/local-user-id.ts";
import { checkUserChange, parseRole } from "../domain/user-change.ts";
import { hashSecret } from "../secrets/password-hash.ts";
import { listGroups } from "../store/groups.ts";
import { deleteIdentityRecordsOf } from "../store/identity-records.ts";
import type { Db } from "../store/transaction.ts";
import { deleteUser, findUserByEmail, getUser, insertUser, type User, updateUser } from "../store/users.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";
import { reviseTunnel } from "./revise.ts";

export interface UserDraft {
  name: string;
  email: string;
  role: string;
  autoGroups: string[];
  isServiceUser: boolean;
}

export interface UserChange {
  role: string;
  autoGroups: string[];
  isBlocked: boolean;
}

/** What needs a place where people sign in that the server keeps itself. */
export function noIdentityProvider(): AppError {
  return new AppError(
    "user.no_identity_provider",
    "people are kept by the external identity provider, not here",
  );
}

export interface PeopleOptions extends CommandOptions {
  /** Whether the server keeps people itself: the embedded identity provider. */
  embedded: boolean;
}

/**
 * Makes a service user, or a person of the embedded identity provider with a password that is shown once.
 * @throws AppError `user.invalid`, `user.email_taken`, `user.no_identity_provider`
 */
export async function createUser(
  context: CommandContext,
  actor: Actor,
  draft: UserDraft,
  { embedded, ...options }: PeopleOptions,
): Promise<{ user: User; password?: string }> {
  const role = parseRole(draft.role);
  if (role === "owner") throw new AppError("user.invalid", "an account has one owner", { path: "role" });
  if (draft.name === "") throw new AppError("user.invalid", "name is required", { path: "name" });
  if (!draft.isServiceUser) await checkPerson(context.store.db, actor.account, draft.email, embedded);
  const password = draft.isServiceUser ? undefined : generatePassword();
  const passwordHash = password === undefined ? null : await hashSecret(password);
  return runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      if (!draft.isServiceUser) await checkPerson(trx, actor.account, draft.email, embedded);
      const user: User = {
        id: draft.isServiceUser ? (randomUUID() as UserId) : newLocalUserId(),
        accountId: actor.account,
        email: draft.isServiceUser ? "" : draft.email,
        name: draft.name,
        role,
        passwordHash,
        isServiceUser: draft.isServiceUser,
        isBlocked: false,
        pendingApproval: false,
        issued: "api",
        autoGroups: draft.autoGroups,
        lastLogin: null,
        signedOutAt: null,
        createdAt: nowMs,
      };
      await insertUser(trx, user);
      if (user.isServiceUser) await audit("service.user.create", user.id, { name: user.name });
      else await audit("user.create", user.id, { name: user.name, email: user.email });
      return { user, ...(password === undefined ? {} : { password }) };
    },
    options,
  );
}

async function checkPerson(db: Db, account: AccountId, email: string, embedded: boolean): Promise<void> {
  if (email === "") throw new AppError("user.invalid", "email is required", { path: "email" });
  if (!isEmailAddress(email)) {
    throw new AppError("user.invalid", `${JSON.stringify(email)} is no e-mail address`, { path: "email" });
  }
  if (await findUserByEmail(db, account, email)) {
    throw new AppError("user.email_taken", `a user with the address ${email} exists already`, {
      path: "email",
    });
  }
  if (!embedded) throw noIdentityProvider();
}

/** 24 characters, of which the last three satisfy the rules for passwords whatever chance gives. */
export function generatePassword(): string {
  const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
  const random = Array.from({ length: 21 }, () => letters[randomInt(letters.length)]).join("");
  return `${random}-A7`;
}

/**
 * The user's own password. Every session and token of the identity provider ends, so that whoever knew the old one is out.
 * @throws AppError `user.password_refused` whatever is wrong: NetBird has one answer
 */
export async function changePassword(
  context: CommandContext,
  actor: Actor,
  { oldPassword, newPassword }: { oldPassword: string; newPassword: string },
  verify: (user: User, password: string) => Promise<boolean>,
  options?: CommandOptions,
): Promise<void> {
  const user = await requireUser(context.store.db, actor.account, actor.id);
  if (user.passwordHash === null) throw noIdentityProvider();
  checkPasswordRules(newPassword, "new_password", "user.password_refused");
  if (newPassword === oldPassword) {
    throw new AppError("user.password_refused", "the new password is the old one", { path: "new_password" });
  }
  if (!(await verify(user, oldPassword))) {
    throw new AppError("user.password_refused", "the old password is wrong", { path: "old_password" });
  }
  await setPassword(context, actor, user, newPassword, options);
}

/** Without the old one: for the command line. */
export async function setPassword(
  context: CommandContext,
  actor: Actor,
  user: User,
  password: string,
  options?: CommandOptions,
): Promise<void> {
  const passwordHash = await hashSecret(password);
  await runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      await updateUser(trx, user.accountId, user.id, { passwordHash });
      await signOut(trx, user, nowMs);
      await audit("user.password.change", user.id, { user_name: user.name });
    },
    options,
  );
}

/** Ends what the identity provider has handed out; personal access tokens stay. */
async function signOut(trx: Db, user: User, nowMs: number): Promise<void> {
  // Tokens tell their time in seconds: one of this very second may be from before.
  await updateUser(trx, user.accountId, user.id, { signedOutAt: (Math.floor(nowMs / 1000) + 1) * 1000 });
  await deleteIdentityRecordsOf(trx, user.id);
}

/**
 * Full replacement of role, groups and block.
 * @throws AppError `user.not_found`, `user.invalid`, `auth.permission_denied`
 */
export async function changeUser(
  context: CommandContext,
  actor: Actor,
  id: string,
  change: UserChange,
  options?: CommandOptions,
): Promise<User> {
  const role = parseRole(change.role);
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const before = await requireUser(trx, actor.account, id);
      const initiator = await requireUser(trx, actor.account, actor.id);
      checkUserChange(initiator, before, { role, isBlocked: change.isBlocked });
      await requireGroups(trx, actor.account, change.autoGroups, "auto_groups", "user.invalid", {
        all: false,
      });
      const after: User = { ...before, role, isBlocked: change.isBlocked, autoGroups: change.autoGroups };
      await updateUser(trx, actor.account, before.id, after);
      const meta = { user_name: after.name, is_service_user: after.isServiceUser };
      if (role === "owner" && before.role !== "owner") {
        await updateUser(trx, actor.account, initiator.id, { role: "admin" });
        await audit("transferred.owner.role", after.id, meta);
      } else if (role !== before.role) {
        await audit("user.role.update", after.id, { ...meta, role });
      }
      if (after.isBlocked !== before.isBlocked) {
        await audit(after.isBlocked ? "user.block" : "user.unblock", after.id, meta);
        if (after.isBlocked) await signOut(trx, after, work.nowMs);
        await reviseIdentity(work, after);
      }
      await auditGroups(work, before, after);
      return after;
    },
    options,
  );
}

/** The user's devices stand for them (private services); proxies have to hear when they no longer do, or do again. */
async function reviseIdentity(work: Work, { accountId, id }: User): Promise<void> {
  await reviseTunnel(work, accountId, id, "modified");
}

async function auditGroups({ trx, audit }: Work, before: User, after: User): Promise<void> {
  const names = new Map<string, string>(
    (await listGroups(trx, after.accountId)).map(({ id, name }) => [id, name]),
  );
  const tell = async (code: string, groups: readonly string[]) => {
    for (const group of new Set(groups)) {
      await audit(code, after.id, {
        group: names.get(group) ?? "",
        group_id: group,
        user_name: after.name,
        is_service_user: after.isServiceUser,
      });
    }
  };
  await tell(
    "user.group.add",
    after.autoGroups.filter((id) => !before.autoGroups.includes(id)),
  );
  await tell(
    "user.group.delete",
    before.autoGroups.filter((id) => !after.autoGroups.includes(id)),
  );
}

/** Lets in who waits for it. @throws AppError `user.not_found`, `user.invalid` */
export async function approveUser(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<User> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const user = await requirePendingUser(trx, actor.account, id);
      const after: User = { ...user, isBlocked: false, pendingApproval: false };
      await updateUser(trx, actor.account, user.id, after);
      await reviseIdentity(work, after);
      await audit("user.approve", user.id, { user_name: user.name });
      return after;
    },
    options,
  );
}

/** Deletes who waits to be let in. @throws AppError `user.not_found`, `user.invalid` */
export async function rejectUser(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async ({ trx, audit }) => {
      const user = await requirePendingUser(trx, actor.account, id);
      await deleteUser(trx, actor.account, user.id);
      await audit("user.reject", user.id, { name: user.name, email: user.email });
    },
    options,
  );
}

/** @throws AppError `user.not_found`, `user.invalid`, `auth.permission_denied` */
export async function removeUser(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const user = await requireUser(trx, actor.account, id);
      if (user.id === actor.id) throw new AppError("user.invalid", "users cannot delete themselves");
      if (user.role === "owner") {
        throw new AppError("auth.permission_denied", "the owner cannot be deleted", {
          hint: "Make another user the owner first.",
        });
      }
      await deleteUser(trx, actor.account, user.id);
      await deleteIdentityRecordsOf(trx, user.id);
      await reviseIdentity(work, user);
      if (user.isServiceUser) await audit("service.user.delete", user.id, { name: user.name });
      else await audit("user.delete", user.id, { name: user.name, email: user.email });
    },
    options,
  );
}

export async function requireUser(db: Db, account: AccountId, id: string): Promise<User> {
  const user = await getUser(db, account, id);
  if (!user) throw new AppError("user.not_found", `user ${id} not found`);
  return user;
}

async function requirePendingUser(db: Db, account: AccountId, id: string): Promise<User> {
  const user = await requireUser(db, account, id);
  if (!user.pendingApproval) throw new AppError("user.invalid", `user ${user.name} is not pending approval`);
  return user;
}
