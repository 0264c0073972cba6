import type { AccountId } from "@netbird-proxy/proto";
import type { Logger } from "pino";
import type { Store } from "../store/open.ts";
import { readOverlayRows } from "../store/overlay-sources.ts";
import { currentRevision } from "../store/revisions.ts";
import { inSnapshot } from "../store/transaction.ts";
import { type AccountOverlay, buildOverlay } from "./account-overlay.ts";
import type { RevisionFeed } from "./revision-feed.ts";

/** Keeps the overlay of every account that somebody follows, read once for all followers. */
export interface Overlays {
  /**
   * Calls `listener` soon with the current overlay, and again after every change of it.
   * @returns the function that stops following
   */
  follow(account: AccountId, listener: (overlay: AccountOverlay) => void): () => void;
  close(): void;
}

export interface OverlaysOptions {
  store: Pick<Store, "db" | "secrets">;
  feed: RevisionFeed;
  log: Pick<Logger, "error">;
  nowMs: () => number;
  /** Changes that come close together, such as those of one `terraform apply`, are told at once. */
  debounceMs?: number;
}

const RETRY_MS = 1_000;
/** Reading and telling a large account may take so much of the process's time at most, however fast it changes. */
const MAX_SHARE = 1 / 3;

interface Followed {
  listeners: Set<(overlay: AccountOverlay) => void>;
  /** Listeners that have not been told anything yet. */
  fresh: Set<(overlay: AccountOverlay) => void>;
  current?: AccountOverlay;
  /** The newest revision that is known to concern this account. */
  wantedRevision: number;
  timer?: NodeJS.Timeout;
  reading: boolean;
  /** How long reading and telling took last. */
  tookMs: number;
}

export function createOverlays({ store, feed, log, nowMs, debounceMs = 20 }: OverlaysOptions): Overlays {
  const accounts = new Map<AccountId, Followed>();
  let closed = false;

  const stopListening = feed.onEntries((entries) => {
    for (const { kind, accountId, revision } of entries) {
      const followed = kind === "domain" || kind === "certificate" ? undefined : accounts.get(accountId);
      if (!followed) continue;
      followed.wantedRevision = revision;
      schedule(accountId, followed, pauseMs(followed));
    }
  });

  function pauseMs({ tookMs }: Followed): number {
    return Math.max(debounceMs, tookMs * (1 / MAX_SHARE - 1));
  }

  function schedule(account: AccountId, followed: Followed, inMs: number): void {
    if (closed || followed.timer || followed.reading) return;
    followed.timer = setTimeout(() => {
      followed.timer = undefined;
      void refresh(account, followed);
    }, inMs);
  }

  async function refresh(account: AccountId, followed: Followed): Promise<void> {
    followed.reading = true;
    const startedMs = performance.now();
    try {
      const before = followed.current;
      // A follower that joined may know of a change that the feed has not handed out yet.
      const outdated = before === undefined || before.revision < (await currentRevision(store.db));
      if (outdated) {
        const rows = await inSnapshot(store.db, (trx) => readOverlayRows(trx, account));
        followed.current = buildOverlay(rows, store.secrets, nowMs());
      }
      const told = outdated ? followed.listeners : followed.fresh;
      const listeners = [...told];
      followed.fresh.clear();
      for (const listener of listeners) if (followed.listeners.has(listener)) listener(followed.current!);
    } catch (error) {
      if (!closed)
        log.error({ err: error, accountId: account }, "the tunnels of an account could not be read");
      followed.reading = false;
      schedule(account, followed, RETRY_MS);
      return;
    }
    followed.reading = false;
    followed.tookMs = performance.now() - startedMs;
    const behind = followed.current!.revision < followed.wantedRevision;
    if (behind || followed.fresh.size > 0) schedule(account, followed, behind ? pauseMs(followed) : 0);
  }

  return {
    follow(account, listener) {
      let followed = accounts.get(account);
      if (!followed) {
        followed = { listeners: new Set(), fresh: new Set(), wantedRevision: 0, reading: false, tookMs: 0 };
        accounts.set(account, followed);
      }
      followed.listeners.add(listener);
      followed.fresh.add(listener);
      schedule(account, followed, 0);
      return () => {
        followed.listeners.delete(listener);
        followed.fresh.delete(listener);
        if (followed.listeners.size > 0 || accounts.get(account) !== followed) return;
        clearTimeout(followed.timer);
        accounts.delete(account);
      };
    },
    close() {
      closed = true;
      stopListening();
      for (const { timer } of accounts.values()) clearTimeout(timer);
      accounts.clear();
    },
  };
}
