import type { AccountId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import { readState } from "./server-state.ts";
import type { Db } from "./transaction.ts";

/**
 * `service`: a mapping changed. `tunnel`: peers, routes or rules of the account changed. `domain`: a custom domain did.
 * `certificate`: an uploaded certificate or the way to get one (DNS credentials) did.
 */
export type RevisionKind = "service" | "tunnel" | "domain" | "certificate";
export type RevisionOperation = "created" | "modified" | "removed";

export interface RevisionEntry {
  revision: number;
  accountId: AccountId;
  kind: RevisionKind;
  /** The service, peer, resource, router, group, domain or certificate. */
  objectId: string;
  /** For a service, the cluster that has to act; a move writes `removed` for the old and `created` for the new one. */
  cluster: string | null;
  operation: RevisionOperation;
  createdAt: number;
}

/** So many entries are kept; a proxy that is further behind gets a snapshot. */
export const KEPT_REVISIONS = 10_000;
// Pruning on every append would double the writes; this often is enough.
const PRUNE_EVERY = 500;

const codec = rowCodec<RevisionEntry>({
  revision: "integer",
  accountId: "text",
  kind: "text",
  objectId: "text",
  cluster: "text",
  operation: "text",
  createdAt: "integer",
});

/**
 * Adds an entry, inside the transaction of the change that it announces. Whoever counts keeps the counter until it has
 * committed: entries appear in order, without holes.
 *
 * @returns its revision, larger than every one before, also of pruned ones
 */
export async function appendRevision(
  trx: Db,
  entry: Omit<RevisionEntry, "revision" | "cluster"> & { cluster?: string | null },
): Promise<number> {
  const [counter] = await trx("revision_counter").increment("newest", 1).returning("newest");
  const revision = Number(counter.newest);
  await trx("revisions").insert(codec.toRow({ ...entry, revision, cluster: entry.cluster ?? null }));
  if (revision % PRUNE_EVERY === 0) await pruneRevisions(trx, KEPT_REVISIONS);
  return revision;
}

/** Keeps the newest `kept` entries. */
export async function pruneRevisions(db: Db, kept: number): Promise<void> {
  const newest = await currentRevision(db);
  await db("revisions")
    .where("revision", "<=", newest - kept)
    .delete();
}

/** Oldest first. */
export async function readRevisionsAfter(db: Db, revision: number, limit: number): Promise<RevisionEntry[]> {
  const rows = await db("revisions").where("revision", ">", revision).orderBy("revision").limit(limit);
  return rows.map(codec.fromRow);
}

/** The newest revision; 0 before the first change. */
export async function currentRevision(db: Db): Promise<number> {
  const row = await db("revisions").max({ newest: "revision" }).first();
  return Number(row?.newest ?? 0);
}

/** True when the log still has every entry after `revision`; otherwise only a snapshot helps. */
export async function canResumeAfter(db: Db, revision: number): Promise<boolean> {
  const row = await db("revisions").min({ oldest: "revision" }).max({ newest: "revision" }).first();
  const newest = Number(row?.newest ?? 0);
  if (newest === 0) return revision === 0;
  return revision <= newest && revision >= Number(row?.oldest) - 1;
}

/** Identity of the log: a new or restored-over database has another one. Made when the store is opened first. */
export async function epoch(db: Db): Promise<string> {
  const value = await readState(db, "epoch");
  if (value === undefined) throw new Error("the database has no epoch; it was not opened by openStore");
  return value;
}
