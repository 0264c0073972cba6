import type { AccountId, DomainId } from "@netbird-proxy/proto";
import type { ProofMethod } from "../domain/domain-proof.ts";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

export interface CustomDomain {
  id: DomainId;
  accountId: AccountId;
  /** As it was written; {@link domainKey} is its lower case. */
  domain: string;
  domainKey: string;
  targetCluster: string;
  validated: boolean;
  validatedAt: number | null;
  /** Null when it is not validated, or was before methods were told apart. */
  validationMethod: ProofMethod | null;
  /** At the latest check. */
  clusterAddresses: string[];
  lastCheckedAt: number | null;
  /** Why the latest check failed; empty when it did not. */
  lastError: string;
  createdAt: number;
}

const codec = rowCodec<CustomDomain>({
  id: "text",
  accountId: "text",
  domain: "text",
  domainKey: "text",
  targetCluster: "text",
  validated: "boolean",
  validatedAt: "integer",
  validationMethod: "text",
  clusterAddresses: "json",
  lastCheckedAt: "integer",
  lastError: "text",
  createdAt: "integer",
});

export async function insertDomain(db: Db, domain: CustomDomain): Promise<void> {
  await db("domains").insert(codec.toRow(domain));
}

export async function listDomains(db: Db, account: AccountId): Promise<CustomDomain[]> {
  return (await db("domains").where({ account_id: account }).orderBy("created_at")).map(codec.fromRow);
}

export async function getDomain(db: Db, account: AccountId, id: string): Promise<CustomDomain | undefined> {
  const row = await db("domains").where({ account_id: account, id }).first();
  return row && codec.fromRow(row);
}

/** Of any account: a name belongs to one of them. */
export async function findDomainByName(db: Db, domain: string): Promise<CustomDomain | undefined> {
  const row = await db("domains").where({ domain_key: domain.toLowerCase() }).first();
  return row && codec.fromRow(row);
}

/** Validated ones of other accounts, above or under this name; names are compared without regard to case. */
export async function findOverlappingDomains(
  db: Db,
  account: AccountId,
  domain: string,
): Promise<CustomDomain[]> {
  const key = domain.toLowerCase();
  const labels = key.split(".");
  const parents = labels.slice(1).map((_, at) => labels.slice(at + 1).join("."));
  const rows = await db("domains")
    .whereNot({ account_id: account })
    .where({ validated: true })
    .where((query) => query.whereIn("domain_key", parents).orWhere("domain_key", "like", `%.${key}`))
    .orderBy("domain_key");
  return rows.map(codec.fromRow);
}

/** Of every account, for the job that checks them again. */
export async function listDomainsCheckedBefore(db: Db, beforeMs: number): Promise<CustomDomain[]> {
  const rows = await db("domains")
    .where((query) => query.whereNull("last_checked_at").orWhere("last_checked_at", "<", beforeMs))
    .orderBy("last_checked_at");
  return rows.map(codec.fromRow);
}

export async function updateDomain(
  db: Db,
  account: AccountId,
  id: string,
  change: Partial<CustomDomain>,
): Promise<void> {
  await db("domains").where({ account_id: account, id }).update(codec.toRow(change));
}

export async function deleteDomain(db: Db, account: AccountId, id: string): Promise<void> {
  await db("domains").where({ account_id: account, id }).delete();
}
