import type { ProxyId } from "@netbird-proxy/proto";
import type { CertificateAlertKind } from "../domain/certificate-alert.ts";
import type { Db } from "./transaction.ts";

const IDS_PER_QUERY = 1_000;

export interface StoredAlert {
  proxyId: ProxyId;
  serviceId: string;
  kind: CertificateAlertKind;
}

/** Services that this proxy has an alert for. */
export async function listAlertedServices(db: Db, proxy: ProxyId): Promise<string[]> {
  return db("service_reports")
    .where({ proxy_id: proxy })
    .whereNotNull("certificate_alert")
    .pluck("service_id");
}

/** The alerts about these services, whichever proxy reported them. */
export async function listAlerts(db: Db, serviceIds: readonly string[]): Promise<StoredAlert[]> {
  const alerts: StoredAlert[] = [];
  for (let at = 0; at < serviceIds.length; at += IDS_PER_QUERY) {
    const rows = await db("service_reports")
      .whereIn("service_id", serviceIds.slice(at, at + IDS_PER_QUERY))
      .whereNotNull("certificate_alert")
      .select("proxy_id", "service_id", "certificate_alert");
    for (const row of rows) {
      alerts.push({ proxyId: row.proxy_id, serviceId: row.service_id, kind: row.certificate_alert });
    }
  }
  return alerts;
}

/** How many services have one, by kind; a service counts once for each. */
export async function countAlerts(db: Db): Promise<Record<CertificateAlertKind, number>> {
  const rows = await db("service_reports")
    .whereNotNull("certificate_alert")
    .groupBy("certificate_alert")
    .select("certificate_alert")
    .countDistinct({ n: "service_id" });
  const counts: Record<CertificateAlertKind, number> = { failed: 0, expiring: 0 };
  for (const row of rows as { certificate_alert: CertificateAlertKind; n: number | string }[]) {
    counts[row.certificate_alert] = Number(row.n);
  }
  return counts;
}
