import type { ProxyId } from "@netbird-proxy/proto";
import { type CertificateAlert, type CertificateAlertKind, worstAlert } from "../domain/certificate-alert.ts";
import { appendAuditEvent } from "../store/audit-events.ts";
import { listAlertedServices, listAlerts } from "../store/certificate-alerts.ts";
import { listServiceHeads } from "../store/mapping-sources.ts";
import type { Db } from "../store/transaction.ts";
import { type CommandContext, systemActor } from "./context.ts";

const activity = {
  failed: "service.certificate.fail",
  expiring: "service.certificate.expire",
  none: "service.certificate.recover",
} as const;

/**
 * Writes an audit event for every service whose certificate begins to fail, begins to run out, or is well again, as far
 * as one proxy's report changes that: what ten proxies say is one event. To be called before the report is stored.
 *
 * @param reported by id of the service; undefined: nothing wrong with its certificate
 */
export async function noteCertificateAlerts(
  trx: Db,
  { auditEventsEnabled, nowMs }: Pick<CommandContext, "auditEventsEnabled" | "nowMs">,
  proxyId: ProxyId,
  reported: ReadonlyMap<string, CertificateAlert | undefined>,
): Promise<void> {
  if (!auditEventsEnabled) return;
  const before = (await listAlertedServices(trx, proxyId)).filter((id) => reported.has(id));
  const after = [...reported].flatMap(([id, alert]) => (alert ? [id] : []));
  const ids = [...new Set([...before, ...after])];
  if (ids.length === 0) return;
  const known = new Map<string, { proxyId: ProxyId; kind: CertificateAlertKind }[]>(
    ids.map((id) => [id, []]),
  );
  for (const alert of await listAlerts(trx, ids)) known.get(alert.serviceId)!.push(alert);
  const changed = ids.flatMap((id) => {
    const alerts = known.get(id)!;
    const others = alerts.filter((alert) => alert.proxyId !== proxyId).map(({ kind }) => kind);
    const alert = reported.get(id);
    const now = worstAlert(alert ? [...others, alert.kind] : others);
    return now === worstAlert(alerts.map(({ kind }) => kind)) ? [] : [{ id, now, alert }];
  });
  const heads = await listServiceHeads(
    trx,
    changed.map(({ id }) => id),
  );
  const headOf = new Map<string, (typeof heads)[number]>(heads.map((head) => [head.id, head]));
  for (const { id, now, alert } of changed) {
    const head = headOf.get(id);
    if (!head) continue;
    const actor = systemActor(head.accountId);
    await appendAuditEvent(trx, {
      accountId: actor.account,
      timestamp: nowMs(),
      activityCode: activity[now ?? "none"],
      initiatorId: actor.id,
      initiatorName: actor.name,
      initiatorEmail: actor.email,
      targetId: id,
      meta: {
        domain: head.domain,
        proxy_id: proxyId,
        ...(alert ? { reason: alert.reason, message: alert.message } : {}),
      },
    });
  }
}
