import { type AccountId, AppError, type ResourceId } from "@netbird-proxy/proto";
import { allocateAddress } from "../domain/overlay-address.ts";
import { classifyResourceAddress } from "../domain/resource-address.ts";
import { newId } from "../domain/xid.ts";
import { getAccount } from "../store/accounts.ts";
import { deleteResourceMemberships, listGroups, setGroupsOfResource } from "../store/groups.ts";
import {
  deleteNetworkResource,
  findNetworkResourceByName,
  getNetworkResource,
  insertNetworkResource,
  type NetworkResource,
  updateNetworkResource,
} from "../store/network-resources.ts";
import { listUsedAddresses } from "../store/peers.ts";
import { listServicesTargeting } from "../store/services.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";
import { requireNetwork } from "./networks.ts";
import { reviseServicesTargeting, reviseTunnel } from "./revise.ts";

export interface ResourceDraft {
  name: string;
  description: string;
  address: string;
  enabled: boolean;
  groups: string[];
}

/** @throws AppError `network.not_found`, `network.invalid` */
export async function createResource(
  context: CommandContext,
  actor: Actor,
  networkId: string,
  draft: ResourceDraft,
  options?: CommandOptions,
): Promise<NetworkResource> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      const network = await requireNetwork(trx, actor.account, networkId);
      const { type, address } = await checkDraft(work, actor.account, draft);
      const resource: NetworkResource = {
        id: newId<ResourceId>(),
        accountId: actor.account,
        networkId: network.id,
        name: draft.name,
        description: draft.description,
        address,
        type,
        enabled: draft.enabled,
        virtualIp: type === "domain" ? await virtualAddress(context, work, actor.account) : null,
        createdAt: nowMs,
      };
      await insertNetworkResource(trx, resource);
      await audit("network.resource.create", resource.id, {
        name: resource.name,
        network_name: network.name,
      });
      await setGroups(work, resource, draft.groups);
      await reviseTunnel(work, actor.account, resource.id, "created");
      return resource;
    },
    options,
  );
}

/**
 * Full replacement; naming another network in the path moves the resource there.
 * @throws AppError `network.not_found`, `network.invalid`, `network.in_use`
 */
export async function changeResource(
  context: CommandContext,
  actor: Actor,
  networkId: string,
  id: string,
  draft: ResourceDraft,
  options?: CommandOptions,
): Promise<NetworkResource> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const network = await requireNetwork(trx, actor.account, networkId);
      const before = await requireResource(trx, actor.account, id);
      const { type, address } = await checkDraft(work, actor.account, draft, before.id);
      if (type !== before.type) await refuseTypeChange(trx, actor.account, before, type);
      const after: NetworkResource = {
        ...before,
        networkId: network.id,
        name: draft.name,
        description: draft.description,
        address,
        type,
        enabled: draft.enabled,
        virtualIp:
          type === "domain"
            ? (before.virtualIp ?? (await virtualAddress(context, work, actor.account)))
            : null,
      };
      await updateNetworkResource(trx, actor.account, before.id, after);
      await audit("network.resource.update", before.id, { name: after.name, network_name: network.name });
      await setGroups(work, after, draft.groups);
      await reviseTunnel(work, actor.account, before.id, "modified");
      if (after.address !== before.address || after.enabled !== before.enabled) {
        await reviseServicesTargeting(work, actor.account, [before.id]);
      }
      return after;
    },
    options,
  );
}

/** @throws AppError `network.not_found`, `network.in_use` */
export async function removeResource(
  context: CommandContext,
  actor: Actor,
  networkId: string,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const resource = await requireResource(trx, actor.account, id, networkId);
      const [service] = await listServicesTargeting(trx, actor.account, [resource.id]);
      if (service) {
        throw new AppError(
          "network.in_use",
          `resource ${resource.name} is a target of the service ${service.name}`,
        );
      }
      await setGroups(work, resource, []);
      await deleteResourceMemberships(trx, resource.id);
      await deleteNetworkResource(trx, actor.account, resource.id);
      await audit("network.resource.delete", resource.id, { name: resource.name });
      await reviseTunnel(work, actor.account, resource.id, "removed");
    },
    options,
  );
}

/** @param networkId when given, a resource of another network reads as missing */
export async function requireResource(
  db: Db,
  account: AccountId,
  id: string,
  networkId?: string,
): Promise<NetworkResource> {
  const resource = await getNetworkResource(db, account, id);
  if (!resource || (networkId !== undefined && resource.networkId !== networkId)) {
    throw new AppError("network.not_found", `network resource ${id} not found`);
  }
  return resource;
}

/** Replaces the groups that the resource is a member of. */
async function setGroups(
  { trx, audit }: Work,
  resource: NetworkResource,
  wanted: readonly string[],
): Promise<void> {
  const { id, accountId, name, type } = resource;
  const groups = await listGroups(trx, accountId);
  await setGroupsOfResource(trx, accountId, { id, type }, wanted);
  for (const group of groups) {
    const was = group.resources.some((one) => one.id === id);
    const is = wanted.includes(group.id);
    if (was === is) continue;
    const meta = { name, group: group.name, group_id: group.id };
    await audit(is ? "resource.group.add" : "resource.group.delete", id, meta);
  }
}

async function checkDraft({ trx }: Work, account: AccountId, draft: ResourceDraft, own?: ResourceId) {
  if (draft.name === "") throw new AppError("network.invalid", "name is required", { path: "name" });
  const classified = classifyResourceAddress(draft.address);
  if (!classified) {
    throw new AppError(
      "network.invalid",
      `${JSON.stringify(draft.address)} is neither an address, a CIDR nor a domain name`,
      { path: "address", hint: "Write an address such as 10.0.0.5, a CIDR such as 10.0.0.0/24, or a name." },
    );
  }
  const other = await findNetworkResourceByName(trx, account, draft.name);
  if (other && other.id !== own) {
    throw new AppError("network.invalid", `a resource named ${draft.name} exists already`, { path: "name" });
  }
  await requireGroups(trx, account, draft.groups, "groups", "network.invalid");
  return classified;
}

/** The address that stands for a domain resource on the wire. */
async function virtualAddress(context: CommandContext, { trx }: Work, accountId: AccountId): Promise<string> {
  const account = await getAccount(trx, accountId);
  const used = await listUsedAddresses(trx, accountId);
  const address = allocateAddress(account!.networkV4, used, context.random);
  if (!address) throw new AppError("network.invalid", `no address is free in ${account!.networkV4}`);
  return address;
}

/** Services name the type of their target; changing it below them would leave them pointing at nothing. */
async function refuseTypeChange(
  db: Db,
  account: AccountId,
  resource: NetworkResource,
  type: string,
): Promise<void> {
  const [service] = await listServicesTargeting(db, account, [resource.id]);
  if (!service) return;
  throw new AppError(
    "network.in_use",
    `${resource.name} is a ${resource.type} target of the service ${service.name} and cannot become a ${type}`,
    { path: "address", hint: "Make another resource for the new address and point the service at it." },
  );
}
