import type { AccountId } from "@netbird-proxy/proto";
import { listServices, listServicesByIds, type StoredService } from "./services.ts";
import type { Db } from "./transaction.ts";

export interface ServiceCache {
  /** The same as `listServices`. What it gives is shared: nobody may change it. */
  list(db: Db, account: AccountId): Promise<StoredService[]>;
}

interface Version {
  id: string;
  revision: number;
  certificate_issued_at: number | string | null;
}

interface Cached {
  version: string;
  service: StoredService;
}

interface Known {
  fingerprint: string;
  byId: ReadonlyMap<string, Cached>;
  services: StoredService[];
}

/** Above this it is cheaper to read all of them. */
const MAX_NAMED = 500;

/**
 * Keeps services as they were read, for lists of thousands that are asked for again and again. The database says every time
 * which ones changed, so it does not matter who changed them. Every write of a service has a revision of its own, apart
 * from the time of its certificate.
 */
export function createServiceCache(): ServiceCache {
  const accounts = new Map<AccountId, Known>();
  return {
    async list(db, account) {
      const fingerprint = await fingerprintOf(db, account);
      const known = accounts.get(account);
      if (known?.fingerprint === fingerprint) return known.services;
      // Read after the fingerprint: what changes in between is found by the next one.
      const byId = await readChanged(db, account, known?.byId ?? new Map<string, Cached>());
      const services = [...byId.values()].map(({ service }) => service);
      accounts.set(account, { fingerprint, byId, services });
      return services;
    },
  };
}

/**
 * The same as long as nothing changed: a write has a revision above all others, of two lists with the same newest revision
 * the one after a deletion is shorter, and the times of certificates only grow.
 */
async function fingerprintOf(db: Db, account: AccountId): Promise<string> {
  const row = await db("services").where({ account_id: account }).first(
    db.raw("count(*) as count"),
    db.raw("max(revision) as newest"),
    // As text: the sum of thousands of times is more than a number holds exactly.
    db.raw("cast(sum(certificate_issued_at) as text) as issued"),
  );
  return [row.count, row.newest, row.issued].join(" ");
}

async function readChanged(
  db: Db,
  account: AccountId,
  known: ReadonlyMap<string, Cached>,
): Promise<Map<string, Cached>> {
  const versions: Version[] = await db("services")
    .where({ account_id: account })
    .orderBy("created_at")
    .orderBy("id")
    .select("id", "revision", "certificate_issued_at");
  const changed = versions.filter((row) => known.get(row.id)?.version !== versionOf(row));
  const fresh = await read(db, account, changed, versions.length);
  const current = new Map<string, Cached>();
  for (const { id } of versions) {
    const service = fresh.get(id);
    // What was deleted since the versions were read is neither here nor there.
    const cached = service ? { version: versionOf(columnsOf(service)), service } : known.get(id);
    if (cached) current.set(id, cached);
  }
  return current;
}

async function read(
  db: Db,
  account: AccountId,
  changed: readonly Version[],
  all: number,
): Promise<Map<string, StoredService>> {
  const services =
    changed.length > MAX_NAMED || changed.length === all
      ? await listServices(db, account)
      : await listServicesByIds(
          db,
          account,
          changed.map(({ id }) => id),
        );
  return new Map(services.map((service) => [service.id, service]));
}

function columnsOf({ id, revision, certificateIssuedAt }: StoredService): Version {
  return { id, revision, certificate_issued_at: certificateIssuedAt };
}

/** PostgreSQL hands out bigint as text. */
function versionOf({ revision, certificate_issued_at: issuedAt }: Version): string {
  return `${revision} ${issuedAt ?? ""}`;
}
