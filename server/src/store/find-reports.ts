import type { AccountId, ProxyId } from "@netbird-proxy/proto";
import type { Db } from "./transaction.ts";

/** What one proxy said about some services, by service id. */
export async function findReportsOfProxy<Report>(
  db: Db,
  proxy: ProxyId,
  serviceIds: readonly string[],
): Promise<Map<string, { report: Report; servingRevision: number }>> {
  const rows = await db("service_reports")
    .where({ proxy_id: proxy })
    .whereIn("service_id", [...serviceIds])
    .select("service_id", "report", "serving_revision");
  return new Map(
    rows.map((row) => [
      row.service_id as string,
      { report: JSON.parse(row.report) as Report, servingRevision: Number(row.serving_revision) },
    ]),
  );
}

/** Services that a proxy, by its own latest words, serves in an older version than the newest, or not at all. */
export async function listOutdatedServices(
  db: Db,
  proxy: ProxyId,
): Promise<{ id: string; accountId: AccountId; revision: number }[]> {
  const rows = await db("service_reports as r")
    .join("services as s", "s.id", "r.service_id")
    .where("r.proxy_id", proxy)
    .whereRaw("r.serving_revision < s.revision")
    .select("s.id", "s.account_id", "s.revision");
  return rows.map((row) => ({ id: row.id, accountId: row.account_id, revision: Number(row.revision) }));
}
