import type { AccountId, ServiceId } from "@netbird-proxy/proto";
import { management } from "@netbird-proxy/proto/grpc";
import { whyNotServed } from "../domain/may-serve.ts";
import { identityKeyOf } from "../secrets/identity-key.ts";
import { listServiceHeadsOfCluster } from "../store/mapping-sources.ts";
import type { Store } from "../store/open.ts";
import type { ProxyCapabilities } from "../store/proxies.ts";
import { canResumeAfter, epoch, type RevisionEntry, readRevisionsAfter } from "../store/revisions.ts";
import type { StoredService } from "../store/services.ts";
import { inSnapshot } from "../store/transaction.ts";
import { buildMapping, buildRemoval, type Removal } from "./build-mapping.ts";
import { type Change, type Loaded, loadChanged, type MappingLoads } from "./mapping-loads.ts";
import type { MappingMessage } from "./mapping-message.ts";
import { mintOneTimeTokens } from "./one-time-tokens.ts";
import type { RevisionFeed } from "./revision-feed.ts";
import { splitBatches } from "./split-batches.ts";

const { UPDATE_TYPE_CREATED, UPDATE_TYPE_MODIFIED } = management.ProxyMappingUpdateType;

/** Whom mappings are for. */
export interface MappingAudience {
  /** The announced cluster address; case does not count. */
  cluster: string;
  /** Null: services of every account. */
  accountId: AccountId | null;
  capabilities: ProxyCapabilities;
  /** Stock proxies exchange these for a peer; ours have a tunnel stream and get none. */
  needsOneTimeTokens: boolean;
  /** It keeps the revision and sends it when it comes back. */
  understandsRevisions: boolean;
}

/** Where a proxy was in the log. */
export interface ResumePoint {
  epoch: string;
  revision: number;
  /** Services that it has, by its own words, in an older version although they changed before that revision. */
  outdated: readonly { id: string; accountId: AccountId; revision: number }[];
}

export interface FollowMappingsOptions {
  store: Pick<Store, "db" | "secrets">;
  feed: RevisionFeed;
  loads: MappingLoads;
  audience: MappingAudience;
  /** What the proxy holds. Only to be given when it was told by this log, for the same audience. */
  resumeAfter?: ResumePoint;
  signal: AbortSignal;
  nowMs: () => number;
}

// A proxy whose cluster is quiet would fall off the end of the log; an empty message moves its resume point on.
const REFRESH_RESUME_POINT_AFTER = 1_000;

/**
 * What a proxy has to be told, from its first message on: a delta when the log still has everything after its resume
 * point, else a snapshot; then every change. There is no queue to overflow: changes that happen while a message is on
 * its way are one entry per service, and the service is read when its turn comes. Ends when the signal fires.
 */
export async function* followMappings(options: FollowMappingsOptions): AsyncGenerator<MappingMessage> {
  const { store, feed, loads, audience, signal, nowMs } = options;
  const { db } = store;
  const changes = new Map<string, Change>();
  /** What the proxy has been told to serve. */
  let held = new Set<string>();
  let sentRevision = 0;
  let seenRevision = 0;
  let wake = () => {};

  const stopListening = feed.onEntries((entries) => {
    seenRevision = entries.at(-1)!.revision;
    for (const entry of entries) if (concerns(entry, audience)) noteChange(changes, entry);
    wake();
  });
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort, { once: true });

  /** Turns what is current into messages; `held` follows what is yielded. */
  async function* updates(
    current: Loaded,
    changed: ReadonlyMap<string, Change>,
    frame: Pick<MappingMessage, "initial" | "delta">,
  ): AsyncGenerator<MappingMessage> {
    const { gone, present } = sortOut(current.services, changed, held, options);
    const removals = gone.map((one) => buildRemoval(one));
    for (const { id } of gone) held.delete(id);
    const created = new Set(present.filter(({ id }) => !held.has(id)).map(({ id }) => id));
    for (const service of present) held.add(loads.identify(service, audience.cluster).id);

    const items: (management.ProxyMapping | StoredService)[] = [...removals, ...present];
    // Built once for the size and once, with its token, for sending: tokens are made when a batch is about to leave.
    const build = (item: management.ProxyMapping | StoredService, token = "") =>
      "path" in item
        ? item
        : buildMapping(
            item,
            current.directory,
            created.has(item.id) ? UPDATE_TYPE_CREATED : UPDATE_TYPE_MODIFIED,
            token,
            identityKeyOf(item, store.secrets),
          );
    const split = () => [...splitBatches(items, (item) => encodedBytes(build(item)) + TOKEN_BYTES)];
    if (!frame.initial && !audience.needsOneTimeTokens) {
      // The other proxies of the cluster are told the same: whoever comes first makes the messages.
      const what = [
        ...gone.map(({ id }) => `-${id}`),
        ...present.map(({ id }) => (created.has(id) ? `+${id}` : `=${id}`)),
        `@${current.revision}`,
      ].join();
      sentRevision = current.revision;
      yield* loads.shareMessages(current.services, what, () => {
        const all = split();
        return all.map((batch, at) => ({
          ...frame,
          mappings: batch.map((item) => build(item)),
          initialSyncComplete: false,
          revision: at === all.length - 1 ? current.revision : 0,
          epoch: at === all.length - 1 ? logEpoch : "",
        }));
      });
      return;
    }
    const batches = split();
    if (batches.length === 0 && frame.initial) batches.push([]);
    for (const [at, batch] of batches.entries()) {
      const last = at === batches.length - 1;
      const stored = batch.filter((item): item is StoredService => !("path" in item));
      const tokens: ReadonlyMap<ServiceId, string> = audience.needsOneTimeTokens
        ? await mintOneTimeTokens(db, stored, nowMs())
        : new Map();
      if (last) sentRevision = current.revision;
      yield {
        ...frame,
        mappings: batch.map((item) => build(item, tokens.get(item.id as ServiceId))),
        initialSyncComplete: frame.initial && last,
        // A proxy that is cut off in the middle must not take half a snapshot for a point to resume from.
        revision: last ? current.revision : 0,
        epoch: last ? logEpoch : "",
      };
    }
  }

  /** A generator of its own: what it has read is free again while the stream goes on for months. */
  async function* start(): AsyncGenerator<MappingMessage> {
    const delta = await readDelta(options);
    if (delta) {
      held = delta.held;
      yield* updates(delta.current, delta.changed, { initial: true, delta: true });
      return;
    }
    const current = await loads.snapshot(audience.cluster, audience.accountId);
    const all = new Map(current.services.map(({ id, accountId, revision }) => [id, { accountId, revision }]));
    yield* updates(current, all, { initial: true, delta: false });
  }

  const logEpoch = await epoch(db);
  try {
    yield* start();
    const startRevision = sentRevision;
    while (!signal.aborted) {
      // The start may already have contained what was noted meanwhile.
      for (const [id, { revision }] of changes) if (revision <= startRevision) changes.delete(id);
      if (changes.size > 0) {
        const taken = new Map(changes);
        changes.clear();
        // What is read may be ahead of what the feed has said; the proxy must not take that for all there is up to then.
        const revision = Math.max(seenRevision, startRevision);
        const current = { ...(await loads.changed(taken)), revision };
        yield* updates(current, taken, { initial: false, delta: false });
      } else if (audience.understandsRevisions && seenRevision - sentRevision > REFRESH_RESUME_POINT_AFTER) {
        sentRevision = seenRevision;
        yield {
          mappings: [],
          initial: false,
          delta: false,
          initialSyncComplete: false,
          revision: sentRevision,
          epoch: logEpoch,
        };
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    stopListening();
    signal.removeEventListener("abort", onAbort);
  }
}

/** What a one-time token adds to a mapping. */
const TOKEN_BYTES = 48;

function encodedBytes(mapping: management.ProxyMapping): number {
  return management.ProxyMapping.encode(mapping).finish().length;
}

function concerns(entry: RevisionEntry, { cluster, accountId }: MappingAudience): boolean {
  if (entry.kind !== "service") return false;
  if (accountId !== null && entry.accountId !== accountId) return false;
  return entry.cluster === null || entry.cluster.toLowerCase() === cluster.toLowerCase();
}

function noteChange(changes: Map<string, Change>, { objectId, accountId, revision }: RevisionEntry): void {
  // Set again so that the order of the map is the order of the latest changes.
  changes.delete(objectId);
  changes.set(objectId, { accountId, revision });
}

/** Which of the changed services the proxy has to drop, and which to serve, in the order they changed. */
function sortOut(
  services: readonly StoredService[],
  changed: ReadonlyMap<string, Change>,
  held: ReadonlySet<string>,
  { audience, loads }: Pick<FollowMappingsOptions, "audience" | "loads">,
): { gone: Removal[]; present: StoredService[] } {
  const byId = new Map<string, StoredService>(services.map((service) => [service.id, service]));
  const gone: Removal[] = [];
  const present: StoredService[] = [];
  for (const [id, { accountId, revision }] of changed) {
    const service = byId.get(id);
    if (service && isServed(service, audience)) {
      present.push(service);
      continue;
    }
    if (held.has(id)) gone.push({ id, accountId, domain: loads.domainOf(id, audience.cluster), revision });
  }
  return { gone, present };
}

function isServed(service: StoredService, audience: MappingAudience): boolean {
  return (
    service.proxyCluster.toLowerCase() === audience.cluster.toLowerCase() &&
    (audience.accountId === null || service.accountId === audience.accountId) &&
    whyNotServed(service, audience.capabilities) === undefined
  );
}

interface Delta {
  current: Loaded;
  changed: Map<string, Change>;
  /** What the proxy holds unchanged, and what it may hold and has to drop. */
  held: Set<string>;
}

/** @returns undefined when only a snapshot helps */
async function readDelta({
  store,
  audience,
  loads,
  resumeAfter,
}: FollowMappingsOptions): Promise<Delta | undefined> {
  if (!resumeAfter) return undefined;
  return inSnapshot(store.db, async (trx) => {
    if (resumeAfter.epoch !== (await epoch(trx))) return undefined;
    if (!(await canResumeAfter(trx, resumeAfter.revision))) return undefined;
    const changed = new Map<string, Change>(
      resumeAfter.outdated.map(({ id, accountId, revision }) => [id, { accountId, revision }]),
    );
    const entries = await readRevisionsAfter(trx, resumeAfter.revision, Number.MAX_SAFE_INTEGER);
    for (const entry of entries) if (concerns(entry, audience)) noteChange(changed, entry);
    const held = new Set<string>();
    for (const head of await listServiceHeadsOfCluster(trx, audience.cluster, audience.accountId)) {
      if (whyNotServed(head, audience.capabilities) === undefined)
        held.add(loads.identify(head, audience.cluster).id);
    }
    // Whether it held those that changed is not known. Creating what is there replaces it, and dropping twice does no harm.
    for (const id of changed.keys()) if (!held.delete(id)) held.add(id);
    return { current: await loadChanged(trx, changed), changed, held };
  });
}
