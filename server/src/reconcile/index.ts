import type { Logger } from "pino";
import type { CommandContext } from "../commands/context.ts";
import { markAllPeersDisconnected } from "../store/presence.ts";
import { markAllProxiesDisconnected } from "../store/proxies.ts";
import { createMappingLoads, type MappingLoads } from "./mapping-loads.ts";
import { createOverlays, type Overlays } from "./overlays.ts";
import { followRevisions, type RevisionFeed } from "./revision-feed.ts";
import { sweep } from "./sweep.ts";

/** Turns what is stored into what streams have to be told. */
export interface Reconciler {
  readonly feed: RevisionFeed;
  readonly overlays: Overlays;
  readonly loads: MappingLoads;
  close(): Promise<void>;
}

export interface ReconcilerOptions {
  context: CommandContext;
  log: Logger;
  /** How soon changes of other processes on the same database are seen. */
  pollMs?: number;
  sweepEveryMs?: number;
}

/**
 * Starts following the revision log. No stream is open yet, so every proxy and peer starts as disconnected, unless other
 * servers may have them: then the sweep finds out who is silent.
 */
export async function startReconciler({
  context,
  log,
  pollMs,
  sweepEveryMs = 30_000,
}: ReconcilerOptions): Promise<Reconciler> {
  const { store, nowMs } = context;
  if (!store.shared) {
    await markAllProxiesDisconnected(store.db);
    await markAllPeersDisconnected(store.db);
  }
  const feed = await followRevisions({ store, log, pollMs });
  const overlays = createOverlays({ store, feed, log, nowMs });
  let sweeping: Promise<void> | undefined;
  const sweeper = setInterval(() => {
    sweeping ??= sweep(context)
      .catch((error: unknown) => log.error({ err: error }, "the sweep failed"))
      .finally(() => {
        sweeping = undefined;
      });
  }, sweepEveryMs);
  sweeper.unref();
  return {
    feed,
    overlays,
    loads: createMappingLoads(store),
    async close() {
      clearInterval(sweeper);
      overlays.close();
      await feed.close();
      await sweeping;
    },
  };
}
