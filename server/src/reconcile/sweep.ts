import { runCommand } from "../commands/command.ts";
import { type CommandContext, systemActor } from "../commands/context.ts";
import { reviseTunnel } from "../commands/revise.ts";
import { deleteExpiredEndedSessions } from "../store/ended-sessions.ts";
import { deleteOldFailureBudgets } from "../store/failure-budgets.ts";
import { deleteResourceMemberships } from "../store/groups.ts";
import { deleteOldIdempotencyKeys } from "../store/idempotency-keys.ts";
import { deleteExpiredIdentityRecords } from "../store/identity-records.ts";
import { deleteExpiredOneTimeTokens } from "../store/one-time-tokens.ts";
import { deletePeer } from "../store/peers.ts";
import { deleteExpiredPendingSignIns } from "../store/pending-sign-ins.ts";
import {
  listAbandonedPeers,
  markSilentDevicesDisconnected,
  markSilentStreamsDisconnected,
} from "../store/presence.ts";
import { deleteForgottenProxies, PROXY_ACTIVE_MS } from "../store/proxies.ts";
import { deleteExpiredSignInCodes } from "../store/sign-in-codes.ts";

/** Ephemeral peers live on for this long after they were seen last. Source: reference §9. */
export const EPHEMERAL_GONE_MS = 10 * 60_000;
/** WireGuard gives a session up after 180 s; a proxy reports at least every 15 s. */
export const DEVICE_SILENT_MS = 180_000 + 30_000;

/**
 * Forgets what time has made worthless: proxies that were silent for an hour, one-time tokens, sign-ins,
 * answers kept for repeated requests, devices without a recent handshake, ephemeral peers. Every step may run on several servers at once.
 */
export async function sweep(context: CommandContext): Promise<void> {
  const { store, nowMs } = context;
  const { db } = store;
  // Clusters look different without them.
  if ((await deleteForgottenProxies(db, nowMs())) > 0) store.changes.changed();
  await deleteExpiredOneTimeTokens(db, nowMs());
  await deleteOldFailureBudgets(db, nowMs());
  await deleteOldIdempotencyKeys(db, nowMs());
  await deleteExpiredIdentityRecords(db, nowMs());
  await deleteExpiredPendingSignIns(db, nowMs());
  await deleteExpiredSignInCodes(db, nowMs());
  await deleteExpiredEndedSessions(db, nowMs());
  await markSilentDevicesDisconnected(db, nowMs() - DEVICE_SILENT_MS);
  // A server that was killed leaves the peers of its streams behind as connected.
  await markSilentStreamsDisconnected(db, nowMs() - PROXY_ACTIVE_MS);
  for (const { id, accountId, name, ip } of await listAbandonedPeers(db, nowMs() - EPHEMERAL_GONE_MS)) {
    await runCommand(context, systemActor(accountId), async (work) => {
      await deleteResourceMemberships(work.trx, id);
      await deletePeer(work.trx, accountId, id);
      await work.audit("peer.ephemeral.delete", id, { name, ip });
      await reviseTunnel(work, accountId, id, "removed");
    });
  }
}
