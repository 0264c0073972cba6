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

/** Above this it is cheaper to read all of them. */
const MAX_NAMED = 500;

/**
 * Keeps services as they were read, for lists of thousands that are asked for again and again. The database says every time
 * which ones changed, so it does not matter who changed them. Every write of a service has a revision of its own, apart
 * from the time of its certificate.
 */
export function createServiceCache(): ServiceCache {
  const accounts = new Map<AccountId, ReadonlyMap<string, Cached>>();
  return {
    async list(db, account) {
      const known = accounts.get(account) ?? new Map<string, Cached>();
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
      accounts.set(account, current);
      return [...current.values()].map(({ service }) => service);
    },
  };
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
