import type { handleUnaryCall } from "@grpc/grpc-js";
import { AppError, type ServiceId } from "@netbird-proxy/proto";
import { management } from "@netbird-proxy/proto/grpc";
import { noteCertificateAlerts } from "../../commands/certificate-alerts.ts";
import { certificateAlert } from "../../domain/certificate-alert.ts";
import { emptyReport, type StatusReport } from "../../domain/service-report.ts";
import { saveServiceReports } from "../../store/presence.ts";
import { getProxy } from "../../store/proxies.ts";
import { getService, updateServiceColumns } from "../../store/services.ts";
import { inTransaction } from "../../store/transaction.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import { unary } from "../serve-call.ts";
import type { MappingPorts, MappingSession } from "./mapping-session.ts";

type Request = management.SendStatusUpdateRequest;
type Response = management.SendStatusUpdateResponse;

const {
  PROXY_STATUS_PENDING,
  PROXY_STATUS_ACTIVE,
  PROXY_STATUS_TUNNEL_NOT_CREATED,
  PROXY_STATUS_CERTIFICATE_PENDING,
  PROXY_STATUS_CERTIFICATE_FAILED,
  PROXY_STATUS_ERROR,
} = management.ProxyStatus;

const states = new Map<number, StatusReport["state"]>([
  [PROXY_STATUS_PENDING, "pending"],
  [PROXY_STATUS_ACTIVE, "active"],
  [PROXY_STATUS_TUNNEL_NOT_CREATED, "tunnel_not_created"],
  [PROXY_STATUS_CERTIFICATE_PENDING, "certificate_pending"],
  [PROXY_STATUS_CERTIFICATE_FAILED, "certificate_failed"],
  [PROXY_STATUS_ERROR, "error"],
]);

/**
 * A stock proxy's word about one service, kept as that proxy's report: it never overwrites what another proxy of the
 * cluster said. Source: reference §11.
 */
export function sendStatusUpdate(ports: MappingPorts): handleUnaryCall<Request, Response> {
  const { context, log, sessions, progress } = ports;
  const { store, nowMs } = context;
  return unary<Request, Response>(log, async (call) => {
    const { serviceId, accountId, status, certificateIssued, errorMessage } = call.request;
    if (serviceId === "" || accountId === "") {
      throw new AppError("request.invalid", "service_id and account_id are required");
    }
    const { token } = proxyCallerOf(call);
    requireAccount(token, accountId);
    const state = states.get(status);
    if (!state) throw new AppError("request.invalid", `unknown status ${status}`, { path: "status" });
    // A stock proxy means the version that it acknowledged last, which may not be written yet.
    await progress.flush();
    await inTransaction(store.db, async (trx) => {
      const service = await getService(trx, accountId, serviceId);
      if (!service) throw new AppError("service.not_found", `service ${serviceId} not found`);
      const senders = sendersOf(sessions.list(), call.getPeer(), token.id, service.proxyCluster);
      const rows = [];
      for (const { proxyId } of senders) {
        const proxy = await getProxy(trx, proxyId);
        if (!proxy) continue;
        const report = { ...emptyReport("status"), status: { state, message: errorMessage ?? "" } };
        const alert = certificateAlert(report, nowMs());
        await noteCertificateAlerts(trx, context, proxyId, new Map([[service.id, alert]]));
        rows.push({
          proxyId,
          serviceId: service.id as ServiceId,
          accountId: service.accountId,
          report,
          certificateAlert: alert?.kind ?? null,
          // It does not say which version it means; what it acknowledged is what it serves.
          servingRevision: Math.min(service.revision, proxy.appliedRevision),
          reportedAt: nowMs(),
        });
      }
      await saveServiceReports(trx, rows);
      if (certificateIssued) {
        await updateServiceColumns(trx, service.accountId, service.id, { certificateIssuedAt: nowMs() });
      }
    });
    return {};
  });
}

/**
 * The message does not name its proxy. A stock proxy has one connection for everything, so its control stream tells; with
 * a gateway in between it is every proxy of the token in the service's cluster.
 */
function sendersOf(
  sessions: readonly MappingSession[],
  peer: string,
  tokenId: string,
  cluster: string,
): MappingSession[] {
  const candidates = sessions.filter(
    (session) => session.tokenId === tokenId && session.cluster.toLowerCase() === cluster.toLowerCase(),
  );
  const same = candidates.filter((session) => session.peer === peer);
  return same.length > 0 ? same : candidates;
}
