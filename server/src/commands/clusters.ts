import { AppError } from "@netbird-proxy/proto";
import { deleteProxiesOfCluster } from "../store/proxies.ts";
import { runCommand } from "./command.ts";
import type { Actor, CommandContext } from "./context.ts";

/** Forgets this account's proxies at an address; one that is connected comes back with its next heartbeat. */
export async function removeCluster(context: CommandContext, actor: Actor, address: string): Promise<void> {
  await runCommand(context, actor, async ({ trx, audit }) => {
    const removed = await deleteProxiesOfCluster(trx, actor.account, address);
    if (removed === 0) throw new AppError("cluster.not_found", `cluster ${address} not found`);
    await audit("cluster.delete", address, { proxies: removed });
  });
}
