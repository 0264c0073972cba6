import type { AccountId, ProxyId, ServiceId } from "@netbird-proxy/proto";
import { rowCodec } from "./row-codec.ts";
import type { Db } from "./transaction.ts";

/** What one proxy last said about one service. `Report` is the shape that the status fold reads. */
export interface StoredServiceReport<Report = unknown> {
  proxyId: ProxyId;
  serviceId: ServiceId;
  accountId: AccountId;
  report: Report;
  /** 0: not served. */
  servingRevision: number;
  reportedAt: number;
}

const codec = rowCodec<StoredServiceReport>({
  proxyId: "text",
  serviceId: "text",
  accountId: "text",
  report: "json",
  servingRevision: "integer",
  reportedAt: "integer",
});

export async function saveServiceReport(db: Db, report: StoredServiceReport): Promise<void> {
  await db("service_reports").insert(codec.toRow(report)).onConflict(["proxy_id", "service_id"]).merge();
}

/** All reports of the account, or those about `services`. */
export async function listServiceReports(
  db: Db,
  account: AccountId,
  services?: readonly string[],
): Promise<StoredServiceReport[]> {
  const query = db("service_reports").where({ account_id: account });
  const rows = await (services === undefined ? query : query.whereIn("service_id", [...services])).orderBy(
    "proxy_id",
  );
  return rows.map(codec.fromRow);
}

/** Drops what a full report of the proxy no longer mentions. */
export async function deleteOtherServiceReports(
  db: Db,
  proxyId: ProxyId,
  kept: readonly string[],
): Promise<void> {
  await db("service_reports")
    .where({ proxy_id: proxyId })
    .whereNotIn("service_id", [...kept])
    .delete();
}

export async function deleteServiceReport(db: Db, proxyId: ProxyId, serviceId: string): Promise<void> {
  await db("service_reports").where({ proxy_id: proxyId, service_id: serviceId }).delete();
}
