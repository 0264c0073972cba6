import type { AccountId } from "@netbird-proxy/proto";
import type { TargetDirectory } from "../domain/target-host.ts";
import { readTargetDirectory } from "../store/mapping-sources.ts";
import type { Store } from "../store/open.ts";
import { currentRevision } from "../store/revisions.ts";
import { listServicesByIds, listServicesOfCluster, type StoredService } from "../store/services.ts";
import { type Db, inSnapshot } from "../store/transaction.ts";
import type { MappingMessage } from "./mapping-message.ts";

/** Everything of one moment: columns, targets and addresses that belong together. Shared, so nobody may change it. */
export interface Loaded {
  /** Of the log at that moment. */
  revision: number;
  services: readonly StoredService[];
  directory: TargetDirectory;
}

/** What a service changed to last: the account, and the revision of the change. */
export interface Change {
  accountId: AccountId;
  revision: number;
}

/**
 * Reads what proxies are told. All proxies of a cluster need the same at the same time, so it is read once: of a hundred
 * that hear of a change, the first reads, the others get what it read.
 */
export interface MappingLoads {
  /** All services of a cluster, of one account or (null) of every. */
  snapshot(cluster: string, account: AccountId | null): Promise<Loaded>;
  /** The services as they are after these changes, or after later ones; what is gone is missing. */
  changed(changes: ReadonlyMap<string, Change>): Promise<Loaded>;
  /**
   * The messages that tell `what` about services that were read together; made by the first who asks. Shared, so nobody
   * may change them.
   */
  shareMessages(
    services: readonly StoredService[],
    what: string,
    make: () => readonly MappingMessage[],
  ): readonly MappingMessage[];
  /**
   * What is remembered of a service that somebody is told about. Every proxy keeps the id of every service that it was
   * told; the ids of one service are one string here.
   */
  identify(service: Identity, cluster: string): Identity;
  /** As it was told last; empty for what was forgotten. */
  domainOf(id: string, cluster: string): string;
}

export interface Identity {
  id: string;
  domain: string;
}

/** As many results of each kind are kept, and so long: proxies that reconnect do it at the same time. */
const KEPT = 4;
const KEPT_MS = 10_000;
/** Beyond it, two proxies hardly ever need the same. */
const MAX_SHARED_CHANGES = 100;
/** Deleted services are remembered too; of more than that the oldest are forgotten. */
const MAX_IDENTITIES = 200_000;

export function createMappingLoads({ db }: Pick<Store, "db">): MappingLoads {
  const snapshots = new Map<string, { revision: number; loaded: Promise<Loaded> }>();
  const changes = new Map<string, Promise<Loaded>>();
  const identities = new Map<string, Identity>();
  const messages = new WeakMap<readonly StoredService[], Map<string, readonly MappingMessage[]>>();
  return {
    shareMessages(services, what, make) {
      const known = messages.get(services) ?? new Map<string, readonly MappingMessage[]>();
      messages.set(services, known);
      const made = known.get(what) ?? make();
      known.set(what, made);
      return made;
    },
    identify({ id, domain }, cluster) {
      const key = `${cluster.toLowerCase()} ${id}`;
      const known = identities.get(key);
      if (known) {
        known.domain = domain;
        return known;
      }
      const identity = { id, domain };
      identities.set(key, identity);
      if (identities.size > MAX_IDENTITIES) identities.delete(identities.keys().next().value!);
      return identity;
    },
    domainOf: (id, cluster) => identities.get(`${cluster.toLowerCase()} ${id}`)?.domain ?? "",
    async snapshot(cluster, account) {
      const key = `${account ?? ""} ${cluster.toLowerCase()}`;
      const known = snapshots.get(key);
      if (known && known.revision === (await currentRevision(db))) return known.loaded;
      const loaded = inSnapshot(db, async (trx) => {
        const services = await listServicesOfCluster(trx, cluster, account);
        return load(trx, services);
      });
      const { revision } = await loaded;
      remember(snapshots, key, { revision, loaded });
      return loaded;
    },
    changed(wanted) {
      if (wanted.size > MAX_SHARED_CHANGES) return readChanged(db, wanted);
      const key = [...wanted]
        .map(([id, { revision }]) => `${id} ${revision}`)
        .sort()
        .join(",");
      const known = changes.get(key);
      if (known) return known;
      const loaded = readChanged(db, wanted);
      remember(changes, key, loaded);
      loaded.catch(() => changes.delete(key));
      return loaded;
    },
  };
}

function remember<T>(results: Map<string, T>, key: string, result: T): void {
  results.delete(key);
  results.set(key, result);
  if (results.size > KEPT) results.delete(results.keys().next().value!);
  // Thousands of services are too much to keep for nobody.
  const forget = setTimeout(() => {
    if (results.get(key) === result) results.delete(key);
  }, KEPT_MS);
  forget.unref();
}

function readChanged(db: Db, changes: ReadonlyMap<string, Change>): Promise<Loaded> {
  return inSnapshot(db, (trx) => loadChanged(trx, changes));
}

/** In a transaction of the caller's. */
export async function loadChanged(trx: Db, changes: ReadonlyMap<string, Change>): Promise<Loaded> {
  const byAccount = new Map<AccountId, string[]>();
  for (const [id, { accountId }] of changes) {
    const ids = byAccount.get(accountId);
    if (ids) ids.push(id);
    else byAccount.set(accountId, [id]);
  }
  const services: StoredService[] = [];
  for (const [accountId, ids] of byAccount) services.push(...(await listServicesByIds(trx, accountId, ids)));
  return load(trx, services);
}

async function load(trx: Db, services: StoredService[]): Promise<Loaded> {
  return {
    revision: await currentRevision(trx),
    services,
    directory: await readTargetDirectory(trx, services),
  };
}
