import { type AccountId, AppError, type PeerId, type RouterId } from "@netbird-proxy/proto";
import { newId } from "../domain/xid.ts";
import {
  deleteNetworkRouter,
  getNetworkRouter,
  insertNetworkRouter,
  type NetworkRouter,
  updateNetworkRouter,
} from "../store/network-routers.ts";
import { getPeer } from "../store/peers.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";
import { requireGroups } from "./groups.ts";
import { requireNetwork } from "./networks.ts";
import { reviseTunnel } from "./revise.ts";

export interface RouterDraft {
  /** Exactly one of the two is not empty. */
  peer: string;
  peerGroups: string[];
  metric: number;
  masquerade: boolean;
  enabled: boolean;
}

/** @throws AppError `network.not_found`, `network.invalid`, `request.malformed` */
export async function createRouter(
  context: CommandContext,
  actor: Actor,
  networkId: string,
  draft: RouterDraft,
  options?: CommandOptions,
): Promise<NetworkRouter> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, nowMs, audit } = work;
      const network = await requireNetwork(trx, actor.account, networkId);
      const router: NetworkRouter = {
        id: newId<RouterId>(),
        accountId: actor.account,
        networkId: network.id,
        ...(await checkDraft(trx, actor.account, draft)),
        createdAt: nowMs,
      };
      await insertNetworkRouter(trx, router);
      await audit("network.router.create", router.id, { network_name: network.name });
      await reviseTunnel(work, actor.account, router.id, "created");
      return router;
    },
    options,
  );
}

/** @throws AppError `network.not_found`, `network.invalid`, `request.malformed` */
export async function changeRouter(
  context: CommandContext,
  actor: Actor,
  networkId: string,
  id: string,
  draft: RouterDraft,
  options?: CommandOptions,
): Promise<NetworkRouter> {
  return runCommand(
    context,
    actor,
    async (work) => {
      const { trx, audit } = work;
      const before = await requireRouter(trx, actor.account, id, networkId);
      const after = { ...before, ...(await checkDraft(trx, actor.account, draft)) };
      await updateNetworkRouter(trx, actor.account, before.id, after);
      await audit("network.router.update", before.id);
      await reviseTunnel(work, actor.account, before.id, "modified");
      return after;
    },
    options,
  );
}

/** @throws AppError `network.not_found` */
export async function removeRouter(
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
      const router = await requireRouter(trx, actor.account, id, networkId);
      await deleteNetworkRouter(trx, actor.account, router.id);
      await audit("network.router.delete", router.id);
      await reviseTunnel(work, actor.account, router.id, "removed");
    },
    options,
  );
}

export async function requireRouter(
  db: Db,
  account: AccountId,
  id: string,
  networkId: string,
): Promise<NetworkRouter> {
  const router = await getNetworkRouter(db, account, id);
  if (!router || router.networkId !== networkId) {
    throw new AppError("network.not_found", `network router ${id} not found`);
  }
  return router;
}

async function checkDraft(db: Db, account: AccountId, draft: RouterDraft) {
  const { peer, peerGroups, metric, masquerade, enabled } = draft;
  if ((peer === "") === (peerGroups.length === 0)) {
    throw new AppError("request.malformed", "give either peer or peer_groups", {
      path: "peer",
      hint: "A router is one peer, or every peer of some groups.",
    });
  }
  if (metric < 1 || metric > 9999) {
    throw new AppError("network.invalid", "metric must be 1 to 9999", { path: "metric" });
  }
  if (peer !== "") {
    const row = await getPeer(db, account, peer);
    if (!row || row.kind === "proxy") {
      throw new AppError("network.invalid", `peer ${peer} does not exist`, { path: "peer" });
    }
  }
  await requireGroups(db, account, peerGroups, "peer_groups", "network.invalid");
  return { peerId: peer === "" ? null : (peer as PeerId), peerGroups, metric, masquerade, enabled };
}
