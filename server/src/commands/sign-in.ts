import { type AccountId, AppError, type GroupId, type UserId } from "@netbird-proxy/proto";
import { newId } from "../domain/xid.ts";
import type { Claims } from "../identity/oidc-client.ts";
import { type Account, getAccount, listAccounts } from "../store/accounts.ts";
import { insertGroup, listGroups } from "../store/groups.ts";
import { findPerson, insertUser, type User, updateUser } from "../store/users.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext } from "./context.ts";
import { addAccount } from "./new-account.ts";

export interface SignInOptions {
  /** The provider is ours: its users are made here, and what a token says about them is what is known already. */
  embedded: boolean;
  /** Whose value is the user's id. */
  userIdClaim: string;
}

const MAX_ID = 255;
/** More groups than anybody is in; a token is no way to fill the database. */
const MAX_GROUPS = 250;
const MAX_GROUP_NAME = 255;

/**
 * The user that a verified token stands for. The first one of an external provider owns a new account; later ones join it
 * as `user`, waiting for approval where the account says so. Groups of the token are taken over when the account wants
 * that. Source: reference §1.2, §6.3.
 *
 * @throws AppError `auth.invalid_token`, `auth.expired_token`
 */
export async function signIn(
  context: CommandContext,
  claims: Claims,
  { embedded, userIdClaim }: SignInOptions,
): Promise<User> {
  const id = readId(claims, userIdClaim);
  const { db } = context.store;
  const known = await findPerson(db, id);
  if (embedded && (!known || known.passwordHash === null)) {
    throw new AppError("auth.invalid_token", "the token's user is gone");
  }
  const issuedAtMs = (claims.iat ?? 0) * 1000;
  if (known?.signedOutAt && issuedAtMs < known.signedOutAt) {
    throw new AppError("auth.expired_token", "the user was signed out", { hint: "Sign in again." });
  }
  const account = known && (await getAccount(db, known.accountId));
  if (
    known &&
    account &&
    isUpToDate(known, await expected(context, account, known, claims, embedded), issuedAtMs)
  ) {
    return known;
  }
  return admit(context, id, claims, { embedded, issuedAtMs });
}

/** Writes what the token says, or refuses it. */
async function admit(
  context: CommandContext,
  id: UserId,
  claims: Claims,
  { embedded, issuedAtMs }: { embedded: boolean; issuedAtMs: number },
): Promise<User> {
  const [only] = await listAccounts(context.store.db);
  const account = only?.id ?? newId<AccountId>();
  const { email, name } = readProfile(claims);
  const actor: Actor = { account, id, name, email };
  return runCommand(context, actor, async (work) => {
    const user = (await findPerson(work.trx, id)) ?? (await join(work, context, account, id, claims));
    const current = (await getAccount(work.trx, user.accountId))!;
    const wanted = await expected(
      { ...context, store: { ...context.store, db: work.trx } },
      current,
      user,
      claims,
      embedded,
    );
    const change: Partial<User> = { email: wanted.email, name: wanted.name };
    if (wanted.groups) change.autoGroups = await takeOverGroups(work, user, wanted.groups);
    if (issuedAtMs > (user.lastLogin ?? 0)) {
      change.lastLogin = issuedAtMs;
      await work.audit("dashboard.login", user.id);
    }
    await updateUser(work.trx, user.accountId, user.id, change);
    return { ...user, ...change };
  });
}

async function join(
  work: Work,
  context: CommandContext,
  account: AccountId,
  id: UserId,
  claims: Claims,
): Promise<User> {
  const { trx, nowMs, audit } = work;
  const person: Omit<User, "accountId" | "role" | "createdAt"> = {
    id,
    ...readProfile(claims),
    passwordHash: null,
    isServiceUser: false,
    isBlocked: false,
    pendingApproval: false,
    issued: "api",
    autoGroups: [],
    lastLogin: null,
    signedOutAt: null,
  };
  const existing = await getAccount(trx, account);
  if (!existing) return addAccount(work, context, account, person);
  const waits = existing.settings.extra.user_approval_required;
  const user: User = {
    ...person,
    accountId: account,
    role: "user",
    isBlocked: waits,
    pendingApproval: waits,
    createdAt: nowMs,
  };
  await insertUser(trx, user);
  await audit("user.join", user.id, { user_name: user.name, pending_approval: waits });
  return user;
}

interface Expected {
  email: string;
  name: string;
  /** Names from the token; undefined: groups are not taken from tokens. */
  groups: string[] | undefined;
  /** Of the groups that tokens give, those that the user has. */
  held: string[];
}

/** @throws AppError `auth.invalid_token` when none of the token's groups may sign in */
async function expected(
  { store: { db } }: Pick<CommandContext, "store">,
  account: Account,
  user: User,
  claims: Claims,
  embedded: boolean,
): Promise<Expected> {
  const own = { email: user.email, name: user.name };
  // What our own provider says comes from the user's row.
  if (embedded) return { ...own, groups: undefined, held: [] };
  const said = readProfile(claims);
  const profile = { email: said.email || own.email, name: said.name || own.name };
  const {
    jwt_groups_enabled: enabled,
    jwt_groups_claim_name: claim,
    jwt_allow_groups: allowed,
  } = account.settings;
  if (!enabled || claim === "") return { ...profile, groups: undefined, held: [] };
  const groups = readGroups(claims[claim]);
  if (allowed.length > 0 && !groups.some((group) => allowed.includes(group))) {
    throw new AppError("auth.invalid_token", "the user is in none of the groups that may sign in", {
      hint: `Ask for a group of jwt_allow_groups in the identity provider, and check that tokens have the claim ${claim}.`,
    });
  }
  const mine = new Set<string>(user.autoGroups);
  const held = (await listGroups(db, account.id))
    .filter(({ id, issued }) => issued === "jwt" && mine.has(id))
    .map(({ name }) => name);
  return { ...profile, groups, held };
}

function isUpToDate(user: User, wanted: Expected, issuedAtMs: number): boolean {
  if (user.email !== wanted.email || user.name !== wanted.name) return false;
  if (issuedAtMs > (user.lastLogin ?? 0)) return false;
  if (!wanted.groups) return true;
  return (
    wanted.groups.length === wanted.held.length && wanted.groups.every((name) => wanted.held.includes(name))
  );
}

/** The user's groups afterwards: those given by people stay, those given by tokens are the token's. */
async function takeOverGroups({ trx, nowMs, audit }: Work, user: User, names: string[]): Promise<string[]> {
  const groups = await listGroups(trx, user.accountId);
  const byId = new Map<string, { name: string; issued: string }>(groups.map((group) => [group.id, group]));
  const ids: string[] = [];
  for (const name of names) {
    const existing = groups.find((group) => group.name === name && group.issued === "jwt");
    // A group that people made is theirs to fill, whatever a token calls itself.
    if (!existing && groups.some((group) => group.name === name)) continue;
    const id = existing?.id ?? newId<GroupId>();
    ids.push(id);
    if (existing) continue;
    await insertGroup(trx, { id, accountId: user.accountId, name, issued: "jwt", createdAt: nowMs });
    byId.set(id, { name, issued: "jwt" });
    await audit("group.add", id, { name });
  }
  const after = [...user.autoGroups.filter((id) => byId.get(id)?.issued !== "jwt"), ...ids];
  const tell = async (code: string, changed: readonly string[]) => {
    for (const id of changed) {
      await audit(code, user.id, { group: byId.get(id)?.name ?? "", group_id: id, user_name: user.name });
    }
  };
  await tell(
    "user.group.add",
    after.filter((id) => !user.autoGroups.includes(id)),
  );
  await tell(
    "user.group.delete",
    user.autoGroups.filter((id) => !after.includes(id)),
  );
  return after;
}

function readId(claims: Claims, claim: string): UserId {
  const id = claims[claim];
  if (typeof id === "string" && id !== "" && id.length <= MAX_ID && !id.includes("\0")) return id as UserId;
  throw new AppError("auth.invalid_token", `the token has no usable claim ${claim}, which names its user`, {
    hint: "Check NB_SERVER_OIDC_USER_ID_CLAIM.",
  });
}

function readProfile(claims: Claims): { email: string; name: string } {
  const text = (value: unknown) => (typeof value === "string" ? value.slice(0, MAX_ID) : "");
  return { email: text(claims.email), name: text(claims.name) || text(claims.preferred_username) };
}

function readGroups(value: unknown): string[] {
  const list = Array.isArray(value) ? value : typeof value === "string" ? [value] : [];
  const names = list.filter(
    (name): name is string => typeof name === "string" && name !== "" && name.length <= MAX_GROUP_NAME,
  );
  return [...new Set(names)].slice(0, MAX_GROUPS);
}
