import type { AccountId, DnsCredentialsId } from "@netbird-proxy/proto";
import type { TsigAlgorithm } from "../dns/challenge/tsig.ts";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** How challenge records get into a domain's DNS, without the secret. */
export type DnsSettings =
  | {
      provider: "rfc2136";
      /** `host` or `host:port`. */
      server: string;
      keyName: string;
      keyAlgorithm: TsigAlgorithm;
      /** Empty: asked for. */
      zone: string;
    }
  | { provider: "acme-dns"; serverUrl: string; username: string; subdomain: string }
  | { provider: "webhook"; url: string; username: string };

/** What the server may do in the DNS of a domain and everything under it. */
export interface DnsCredentials {
  id: DnsCredentialsId;
  accountId: AccountId;
  /** Lower case. */
  domain: string;
  /** One certificate for all names of a level instead of one each. */
  wildcard: boolean;
  settings: DnsSettings;
  /** Key or password, sealed with purpose {@link DNS_SECRET_PURPOSE}; may be empty inside. */
  sealedSecret: string;
  /** Waited after a record was written. */
  propagationSeconds: number;
  lastUsedAt: number | null;
  /** Of the latest use; empty when it went well. */
  lastError: string;
  createdAt: number;
  /** Another one after every change. */
  updatedAt: number;
}

export const DNS_SECRET_PURPOSE = "dns credentials";

const codec = rowCodec<DnsCredentials>({
  id: "text",
  accountId: "text",
  domain: "text",
  wildcard: "boolean",
  settings: "json",
  sealedSecret: "text",
  propagationSeconds: "integer",
  lastUsedAt: "integer",
  lastError: "text",
  createdAt: "integer",
  updatedAt: "integer",
});

export async function insertDnsCredentials(db: Db, credentials: DnsCredentials): Promise<void> {
  await db("dns_credentials").insert(codec.toRow(credentials));
}

/** @param account null: of every account */
export async function listDnsCredentials(db: Db, account: AccountId | null): Promise<DnsCredentials[]> {
  const query = db("dns_credentials").orderBy("created_at").orderBy("id");
  const rows = await (account === null ? query : query.where({ account_id: account }));
  return rows.map(codec.fromRow);
}

export async function getDnsCredentials(
  db: Db,
  account: AccountId,
  id: string,
): Promise<DnsCredentials | undefined> {
  const row = await db("dns_credentials").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

export async function updateDnsCredentials(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<DnsCredentials>,
): Promise<void> {
  await db("dns_credentials").where({ account_id: account, id }).update(codec.toRow(change));
}

export async function deleteDnsCredentials(db: Db, account: AccountId, id: string): Promise<void> {
  await db("dns_credentials").where({ account_id: account, id }).delete();
}

/** A challenge record that is in somebody's DNS. */
export interface DnsRecord {
  /** Of the order that it is for. */
  lease: string;
  credentialsId: DnsCredentialsId;
  name: string;
  value: string;
  createdAt: number;
}

const recordCodec = rowCodec<DnsRecord>({
  lease: "text",
  credentialsId: "text",
  name: "text",
  value: "text",
  createdAt: "integer",
});

/** Written down before the record is: nothing that a crash leaves behind is forgotten. */
export async function noteDnsRecord(db: Db, record: DnsRecord): Promise<void> {
  await db("dns_records").insert(recordCodec.toRow(record)).onConflict(["lease", "name", "value"]).merge();
}

/** Records whose order has ended, one way or another, those not tried for longest first, with what is needed to remove them. */
export async function listDnsRecordsToRemove(
  db: Db,
  nowMs: number,
  limit: number,
): Promise<{ record: DnsRecord; credentials: DnsCredentials }[]> {
  const rows = await db("dns_records")
    .whereNotExists(
      db("certificate_leases")
        .whereRaw("certificate_leases.lease = dns_records.lease")
        .where("certificate_leases.expires_at", ">", nowMs)
        .select(db.raw("1")),
    )
    .orderBy("tried_at")
    .orderBy("created_at")
    .limit(limit);
  const records = rows.map(recordCodec.fromRow);
  const ids = [...new Set(records.map(({ credentialsId }) => credentialsId))];
  const byId = new Map(
    (await db("dns_credentials").whereIn("id", ids)).map(codec.fromRow).map((one) => [one.id, one]),
  );
  return records.flatMap((record) => {
    const credentials = byId.get(record.credentialsId);
    return credentials ? [{ record, credentials }] : [];
  });
}

/** Removing it failed; the others come first now. */
export async function noteRemovalTried(
  db: Db,
  { lease, name, value }: DnsRecord,
  nowMs: number,
): Promise<void> {
  await db("dns_records").where({ lease, name, value }).update({ tried_at: nowMs });
}

export async function forgetDnsRecord(db: Db, { lease, name, value }: DnsRecord): Promise<void> {
  await db("dns_records").where({ lease, name, value }).delete();
}
