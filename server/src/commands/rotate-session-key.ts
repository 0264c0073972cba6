import { MAX_SESSION_SECONDS } from "../domain/session-times.ts";
import { newSessionKey } from "../secrets/session-key.ts";
import { getService, updateServiceColumns } from "../store/services.ts";
import { runCommand } from "./command.ts";
import type { Actor, CommandContext } from "./context.ts";
import { reviseService } from "./revise.ts";

/**
 * Signs the sessions of a service with a new key from now on. The old one still verifies those that it signed, until the
 * longest of them is over. Nothing happens when the service is gone.
 */
export async function rotateSessionKey(context: CommandContext, actor: Actor, id: string): Promise<void> {
  await runCommand(context, actor, async (work) => {
    const { trx, nowMs, audit } = work;
    const service = await getService(trx, actor.account, id);
    if (!service) return;
    const formerSessionKeys = [
      { publicKey: service.sessionPublicKey, untilMs: nowMs + MAX_SESSION_SECONDS * 1000 },
      ...service.formerSessionKeys.filter(({ untilMs }) => untilMs > nowMs),
    ];
    const revision = await reviseService(work, service, service.proxyCluster, "modified");
    await updateServiceColumns(trx, actor.account, service.id, {
      ...newSessionKey(context.store.secrets, nowMs),
      formerSessionKeys,
      revision,
    });
    await audit("service.session.key.rotate", service.id, { name: service.name, domain: service.domain });
  });
}
