import { type AccountId, AppError, type ErrorCode, type GroupId } from "@netbird-proxy/proto";
import { ALL_GROUP } from "../domain/account-defaults.ts";
import { newId } from "../domain/xid.ts";
import { getAccount } from "../store/accounts.ts";
import { listGroupNames } from "../store/find-peer.ts";
import {
  deleteGroup,
  findGroupByName,
  type GroupResource,
  type GroupWithMembers,
  getGroup,
  insertGroup,
  renameGroup,
  setGroupPeers,
  setGroupResources,
} from "../store/groups.ts";
import { listNetworkRouters } from "../store/network-routers.ts";
import { listPolicies } from "../store/policies.ts";
import { listServices } from "../store/services.ts";
import { listSetupKeys } from "../store/setup-keys.ts";
import type { Db } from "../store/transaction.ts";
import { listUsers } from "../store/users.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { policyUsesGroup } from "./policies.ts";
import { reviseTunnel } from "./revise.ts";

export interface GroupDraft {
  name: string;
  peers: string[];
  resources: GroupResource[];
}

/**
 * Refuses ids that are no group of the account.
 * @param options.all whether the group All may be named
 * @throws AppError `code` at `path[n]`
 */
export async function requireGroups(
  db: Db,
  account: AccountId,
  ids: readonly string[],
  path: string,
  code: ErrorCode,
  { all = true }: { all?: boolean } = {},
): Promise<void> {
  if (ids.length === 0) return;
  const groups = new Map((await listGroupNames(db, account, ids)).map((group) => [group.id, group]));
  for (const [index, id] of ids.entries()) {
    const group = groups.get(id);
    const at = `${path}[${index}]`;
    if (!group) throw new AppError(code, `group ${id} does not exist`, { path: at });
    if (!all && group.name === ALL_GROUP) {
      throw new AppError(code, `the group ${ALL_GROUP} cannot be used here`, { path: at });
    }
  }
}

/** @throws AppError `group.invalid`, `group.name_taken` */
export async function createGroup(
  context: CommandContext,
  actor: Actor,
  draft: GroupDraft,
  options?: CommandOptions,
): Promise<GroupWithMembers> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      await checkName(trx, actor.account, draft.name);
      const id = newId<GroupId>();
      await insertGroup(trx, {
        id,
        accountId: actor.account,
        name: draft.name,
        issued: "api",
        createdAt: nowMs,
      });
      const empty = (await getGroup(trx, actor.account, id))!;
      await setMembers(work, actor, id, draft);
      const made = (await getGroup(trx, actor.account, id))!;
      await audit("group.add", id, { name: draft.name });
      await auditMembers(work, empty, made);
      await reviseTunnel(work, actor.account, id, "created");
      return made;
    },
    options,
  );
}

/** Full replacement. @throws AppError `group.not_found`, `group.invalid`, `group.name_taken` */
export async function updateGroup(
  context: CommandContext,
  actor: Actor,
  id: string,
  draft: GroupDraft,
  options?: CommandOptions,
): Promise<GroupWithMembers> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const group = await requireGroup(trx, actor.account, id);
      if (group.name === ALL_GROUP) {
        throw new AppError("group.invalid", `the group ${ALL_GROUP} cannot be changed`, {
          hint: "Every peer is a member; make a group of your own.",
        });
      }
      await checkName(trx, actor.account, draft.name, group.id);
      if (draft.name !== group.name) {
        await renameGroup(trx, actor.account, group.id, draft.name);
        await audit("group.update", group.id, { old_name: group.name, new_name: draft.name });
      }
      await setMembers(work, actor, group.id, draft);
      const after = (await getGroup(trx, actor.account, group.id))!;
      await auditMembers(work, group, after);
      await reviseTunnel(work, actor.account, group.id, "modified");
      return after;
    },
    options,
  );
}

/** @throws AppError `group.not_found`, `group.in_use` naming what uses it */
export async function removeGroup(
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
      const group = await requireGroup(trx, actor.account, id);
      const why = await whyInUse(trx, actor.account, group);
      if (why) throw new AppError("group.in_use", `group ${group.name} ${why}`);
      await deleteGroup(trx, actor.account, group.id);
      await audit("group.delete", group.id, { name: group.name });
      await reviseTunnel(work, actor.account, group.id, "removed");
    },
    options,
  );
}

export async function requireGroup(db: Db, account: AccountId, id: string): Promise<GroupWithMembers> {
  const group = await getGroup(db, account, id);
  if (!group) throw new AppError("group.not_found", `group ${id} not found`);
  return group;
}

async function checkName(db: Db, account: AccountId, name: string, own?: GroupId): Promise<void> {
  if (name === "") throw new AppError("group.invalid", "name is required", { path: "name" });
  if (Buffer.byteLength(name) > 255)
    throw new AppError("group.invalid", "name is too long", { path: "name" });
  const other = await findGroupByName(db, account, name);
  if (other && other.id !== own) {
    throw new AppError("group.name_taken", `a group named ${name} exists already`, { path: "name" });
  }
}

async function setMembers({ trx }: Work, { account }: Actor, id: GroupId, draft: GroupDraft): Promise<void> {
  const known = new Set<string>([
    ...(await trx("network_resources").where({ account_id: account }).pluck("id")),
    ...(await trx("peers").where({ account_id: account }).whereNot({ kind: "proxy" }).pluck("id")),
  ]);
  await setGroupPeers(
    trx,
    account,
    id,
    draft.peers.filter((peer) => known.has(peer)),
  );
  await setGroupResources(
    trx,
    id,
    draft.resources.filter((resource) => known.has(resource.id)),
  );
}

async function auditMembers(
  { audit }: Work,
  before: GroupWithMembers,
  after: GroupWithMembers,
): Promise<void> {
  const meta = { group: after.name, group_id: after.id };
  for (const peer of after.peers.filter((id) => !before.peers.includes(id))) {
    await audit("peer.group.add", peer, meta);
  }
  for (const peer of before.peers.filter((id) => !after.peers.includes(id))) {
    await audit("peer.group.delete", peer, meta);
  }
  const ids = (group: GroupWithMembers) => group.resources.map(({ id }) => id);
  for (const resource of ids(after).filter((id) => !ids(before).includes(id))) {
    await audit("resource.group.add", resource, meta);
  }
  for (const resource of ids(before).filter((id) => !ids(after).includes(id))) {
    await audit("resource.group.delete", resource, meta);
  }
}

async function whyInUse(db: Db, account: AccountId, group: GroupWithMembers): Promise<string | undefined> {
  if (group.name === ALL_GROUP) return "cannot be deleted";
  if (group.resources.length > 0) return "has resources";
  const policy = (await listPolicies(db, account)).find((one) => policyUsesGroup(one, group.id));
  if (policy) return `is used by the policy ${policy.name}`;
  const key = (await listSetupKeys(db, account)).find(({ autoGroups }) => autoGroups.includes(group.id));
  if (key) return `is used by the setup key ${key.name}`;
  const user = (await listUsers(db, account)).find(({ autoGroups }) => autoGroups.includes(group.id));
  if (user) return `is used by the user ${user.name}`;
  const router = (await listNetworkRouters(db, account)).find(({ peerGroups }) =>
    peerGroups.includes(group.id),
  );
  if (router) return `is used by the network router ${router.id}`;
  const settings = (await getAccount(db, account))?.settings;
  const used = [
    ...(settings?.ipv6_enabled_groups ?? []),
    ...(settings?.peer_expose_groups ?? []),
    ...(settings?.extra.network_traffic_logs_groups ?? []),
  ];
  if (used.includes(group.id)) return "is used by the account's settings";
  const service = (await listServices(db, account)).find(
    ({ private: isPrivate, accessGroups, auth }) =>
      (isPrivate && accessGroups.includes(group.id)) ||
      (auth.bearer?.enabled && auth.bearer.groups.includes(group.id)),
  );
  if (service) return `is used by the service ${service.name}`;
  return undefined;
}
