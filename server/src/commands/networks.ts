import { type AccountId, AppError, type NetworkId } from "@netbird-proxy/proto";
import { newId } from "../domain/xid.ts";
import { deleteResourceMemberships } from "../store/groups.ts";
import { listNetworkResources } from "../store/network-resources.ts";
import { listNetworkRouters } from "../store/network-routers.ts";
import { deleteNetwork, getNetwork, insertNetwork, type Network, updateNetwork } from "../store/networks.ts";
import { listServicesTargeting } from "../store/services.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { reviseTunnel } from "./revise.ts";

export interface NetworkDraft {
  name: string;
  description: string;
}

export async function createNetwork(
  context: CommandContext,
  actor: Actor,
  draft: NetworkDraft,
  options?: CommandOptions,
): Promise<Network> {
  return runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      const network: Network = {
        id: newId<NetworkId>(),
        accountId: actor.account,
        ...draft,
        createdAt: nowMs,
      };
      await insertNetwork(trx, network);
      await audit("network.create", network.id, { name: network.name });
      return network;
    },
    options,
  );
}

/** @throws AppError `network.not_found` */
export async function changeNetwork(
  context: CommandContext,
  actor: Actor,
  id: string,
  draft: NetworkDraft,
  options?: CommandOptions,
): Promise<Network> {
  return runCommand(
    context,
    actor,
    async ({ trx, audit }) => {
      const network = { ...(await requireNetwork(trx, actor.account, id)), ...draft };
      await updateNetwork(trx, actor.account, network.id, draft);
      await audit("network.update", network.id, { name: network.name });
      return network;
    },
    options,
  );
}

/** Its resources and routers go with it. @throws AppError `network.not_found`, `network.in_use` */
export async function removeNetwork(
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
      const network = await requireNetwork(trx, actor.account, id);
      const resources = await listNetworkResources(trx, actor.account, network.id);
      const [service] = await listServicesTargeting(
        trx,
        actor.account,
        resources.map((resource) => resource.id),
      );
      if (service) {
        throw new AppError(
          "network.in_use",
          `a resource of network ${network.name} is a target of the service ${service.name}`,
        );
      }
      for (const resource of resources) {
        await deleteResourceMemberships(trx, resource.id);
        await audit("network.resource.delete", resource.id, {
          name: resource.name,
          network_name: network.name,
        });
      }
      for (const router of await listNetworkRouters(trx, actor.account, network.id)) {
        await audit("network.router.delete", router.id, { network_name: network.name });
      }
      await deleteNetwork(trx, actor.account, network.id);
      await audit("network.delete", network.id, { name: network.name });
      await reviseTunnel(work, actor.account, network.id, "removed");
    },
    options,
  );
}

export async function requireNetwork(db: Db, account: AccountId, id: string): Promise<Network> {
  const network = await getNetwork(db, account, id);
  if (!network) throw new AppError("network.not_found", `network ${id} not found`);
  return network;
}
