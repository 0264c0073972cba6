import { type handleUnaryCall, status as Status } from "@grpc/grpc-js";
import { type AccountId, AppError, type ProxyId } from "@netbird-proxy/proto";
import { control } from "@netbird-proxy/proto/grpc";
import { noteCertificateAlerts } from "../../commands/certificate-alerts.ts";
import type { AcmeReport } from "../../domain/acme-report.ts";
import { type CertificateAlert, certificateAlert } from "../../domain/certificate-alert.ts";
import type { CertificateReport, ServiceReport, TargetReport } from "../../domain/service-report.ts";
import { listServiceHeads, type ServiceHead } from "../../store/mapping-sources.ts";
import {
  deleteServiceReports,
  noteHandshakes,
  type ServiceReportRow,
  saveServiceReports,
} from "../../store/presence.ts";
import { getProxy, type Proxy as ProxyRow, updateProxy } from "../../store/proxies.ts";
import { epoch } from "../../store/revisions.ts";
import { updateServiceColumns } from "../../store/services.ts";
import { type Db, inTransaction } from "../../store/transaction.ts";
import { CallFailure } from "../call-failure.ts";
import { proxyCallerOf } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import type { ReportTimes } from "../report-times.ts";
import { unary } from "../serve-call.ts";

type Request = control.ReportStateRequest;
type Response = control.ReportStateResponse;

const MAX_TEXT = 1_024;
const MAX_IDENTITIES = 16;

/** WireGuard gives a session up after this long without a handshake (REJECT_AFTER_TIME). */
export const SESSION_LIFETIME_MS = 180_000;

/** What a proxy has applied and what works there; also its sign of life. */
export function reportState({
  context,
  log,
  reportTimes,
}: GrpcPorts & { reportTimes: ReportTimes }): handleUnaryCall<Request, Response> {
  const { store, nowMs } = context;
  return unary<Request, Response>(log, async (call) => {
    const { token } = proxyCallerOf(call);
    const { proxyId, services, full, peers } = call.request;
    const atMs = nowMs();
    const isFirst = reportTimes.isFirst(proxyId);
    const unknown = await inTransaction(store.db, async (trx) => {
      const proxy = await getProxy(trx, proxyId);
      if (!proxy) {
        throw new CallFailure(Status.FAILED_PRECONDITION, `proxy ${proxyId} has no control stream`);
      }
      if (proxy.tokenId !== token.id) {
        throw new AppError("proxy.id_taken", `the proxy id ${proxyId} belongs to another token`);
      }
      const sameLog = call.request.epoch === (await epoch(trx));
      const appliedRevision = sameLog ? Number(call.request.appliedRevision) : proxy.appliedRevision;
      await updateProxy(trx, proxy.id, {
        lastSeen: atMs,
        acme: acmeReport(call.request.acme),
        appliedRevision: Math.max(appliedRevision, proxy.appliedRevision),
      });
      const known = await knownServices(trx, proxy, services);
      const rows = services.flatMap((report) => {
        const head = known.get(report.serviceId);
        return head ? [reportRow(proxy.id, head, report, atMs)] : [];
      });
      const alerts = rows.map(({ serviceId, alert }) => [serviceId, alert] as const);
      await noteCertificateAlerts(trx, context, proxy.id, new Map(alerts));
      await saveServiceReports(trx, rows);
      if (full) {
        const kept = new Set<string>(rows.map(({ serviceId }) => serviceId));
        await deleteServiceReports(trx, proxy.id, kept);
      }
      await noteCertificates(trx, rows);
      return services.map(({ serviceId }) => serviceId).filter((id) => !known.has(id));
    });
    await notePeers(store.db, token.accountId, peers, atMs);
    reportTimes.note(proxyId, atMs);
    return { unknownServiceIds: unknown, sendFull: isFirst && !full };
  });
}

/** The services that this proxy is meant to serve; everything else is none of its business. */
async function knownServices(
  trx: Db,
  proxy: ProxyRow,
  reports: readonly control.ServiceReport[],
): Promise<Map<string, ServiceHead>> {
  const heads = await listServiceHeads(
    trx,
    reports.map(({ serviceId }) => serviceId),
  );
  return new Map(
    heads
      .filter(({ accountId }) => proxy.accountId === null || proxy.accountId === accountId)
      .filter(({ proxyCluster }) => proxyCluster.toLowerCase() === proxy.cluster.toLowerCase())
      .map((head) => [head.id, head]),
  );
}

function reportRow(
  proxyId: ProxyId,
  head: ServiceHead,
  said: control.ServiceReport,
  reportedAt: number,
): ServiceReportRow & { report: ServiceReport; alert: CertificateAlert | undefined } {
  const report: ServiceReport = {
    source: "report",
    rejectionCode: said.rejectionCode,
    rejectionMessage: said.rejectionMessage,
    certificate: said.certificate ? certificateReport(said.certificate) : null,
    targets: said.targets.map(targetReport),
    status: null,
  };
  const alert = certificateAlert(report, reportedAt);
  return {
    proxyId,
    serviceId: head.id,
    accountId: head.accountId,
    report,
    alert,
    certificateAlert: alert?.kind ?? null,
    servingRevision: Number(said.servingRevision),
    reportedAt,
  };
}

const challenges = new Set(["tls-alpn-01", "http-01", "dns-01"]);

function acmeReport(said: control.AcmeReport | undefined): AcmeReport | null {
  if (!said || !challenges.has(said.challenge)) return null;
  const { pausedUntilUnixSeconds: until } = said;
  return {
    directoryUrl: said.directoryUrl.slice(0, MAX_TEXT),
    challenge: said.challenge as AcmeReport["challenge"],
    caaIdentities: said.caaIdentities.slice(0, MAX_IDENTITIES).map((name) => name.slice(0, MAX_TEXT)),
    ordersInFlight: said.ordersInFlight,
    ordersWaiting: said.ordersWaiting,
    maxOrders: said.maxOrders,
    pausedUntil: until > 0n ? Number(until) * 1000 : null,
    pausedReason: said.pausedReason.slice(0, MAX_TEXT),
    pausedMessage: said.pausedMessage.slice(0, MAX_TEXT),
  };
}

const certificateStates = new Map<number, CertificateReport["state"]>([
  [control.CertificateState.CERTIFICATE_STATE_NOT_NEEDED, "not_needed"],
  [control.CertificateState.CERTIFICATE_STATE_PENDING, "pending"],
  [control.CertificateState.CERTIFICATE_STATE_READY, "ready"],
  [control.CertificateState.CERTIFICATE_STATE_FAILED, "failed"],
]);

function certificateReport(said: control.CertificateReport): CertificateReport {
  const ms = (seconds: bigint) => (seconds > 0n ? Number(seconds) * 1000 : null);
  return {
    state: certificateStates.get(said.state) ?? "unknown",
    source: said.source,
    expiresAt: ms(said.expiresAtUnixSeconds),
    issuedAt: ms(said.issuedAtUnixSeconds),
    reason: said.reason,
    message: said.message,
  };
}

const targetStates = new Map<number, TargetReport["state"]>([
  [control.TargetState.TARGET_STATE_REACHABLE, "reachable"],
  [control.TargetState.TARGET_STATE_NO_TUNNEL, "no_tunnel"],
  [control.TargetState.TARGET_STATE_UNREACHABLE, "unreachable"],
]);

function targetReport(said: control.TargetReport): TargetReport {
  return {
    position: said.position,
    state: targetStates.get(said.state) ?? "unknown",
    reason: said.reason,
    message: said.message,
    handshakeAgeSeconds: said.handshakeAgeSeconds < 0n ? null : Number(said.handshakeAgeSeconds),
    probeMs: said.probeMs,
  };
}

/** The REST API shows when a service got its certificate. */
async function noteCertificates(
  trx: Db,
  rows: readonly (ServiceReportRow & { report: ServiceReport })[],
): Promise<void> {
  const issued = new Map<string, { row: ServiceReportRow; issuedAt: number }>();
  for (const row of rows) {
    const { certificate } = row.report;
    if (certificate?.state !== "ready" || certificate.issuedAt === null) continue;
    issued.set(row.serviceId, { row, issuedAt: certificate.issuedAt });
  }
  if (issued.size === 0) return;
  const stored = new Map<string, number | null>();
  const ids = [...issued.keys()];
  for (let at = 0; at < ids.length; at += 1_000) {
    const found = await trx("services")
      .whereIn("id", ids.slice(at, at + 1_000))
      .select("id", "certificate_issued_at");
    for (const { id, certificate_issued_at } of found) stored.set(id, certificate_issued_at);
  }
  for (const { row, issuedAt } of issued.values()) {
    if ((stored.get(row.serviceId) ?? 0) >= issuedAt) continue;
    await updateServiceColumns(trx, row.accountId, row.serviceId, { certificateIssuedAt: issuedAt });
  }
}

async function notePeers(
  db: Db,
  tokenAccount: AccountId | null,
  peers: readonly control.PeerReport[],
  nowMs: number,
): Promise<void> {
  const byAccount = new Map<AccountId, control.PeerReport[]>();
  for (const peer of peers) {
    const account = peer.accountId as AccountId;
    if (tokenAccount !== null && tokenAccount !== account) continue;
    if (peer.latestHandshakeUnixSeconds <= 0n) continue;
    const list = byAccount.get(account);
    if (list) list.push(peer);
    else byAccount.set(account, [peer]);
  }
  for (const [account, seen] of byAccount) {
    const sightings = seen.map((peer) => ({
      peerId: peer.peerId,
      // A proxy whose clock runs ahead must not make peers look alive for ever.
      handshakeMs: Math.min(Number(peer.latestHandshakeUnixSeconds) * 1000, nowMs),
      endpoint: peer.endpoint,
    }));
    await inTransaction(db, (trx) => noteHandshakes(trx, account, sightings, nowMs - SESSION_LIFETIME_MS));
  }
}
