import type { ProxyId } from "@netbird-proxy/proto";
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
