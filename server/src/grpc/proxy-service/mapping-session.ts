import type { AccountId, ProxyId } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { noteCertificateAlerts } from "../../commands/certificate-alerts.ts";
import { certificateAlert } from "../../domain/certificate-alert.ts";
import { emptyReport, type ServiceReport } from "../../domain/service-report.ts";
import { followMappings } from "../../reconcile/follow-mappings.ts";
import type { MappingMessage } from "../../reconcile/mapping-message.ts";
import { findReportsOfProxy } from "../../store/find-reports.ts";
import { listServiceHeads } from "../../store/mapping-sources.ts";
import { saveServiceReports } from "../../store/presence.ts";
import { getProxy, type Proxy as ProxyRow, saveProxy, updateProxySession } from "../../store/proxies.ts";
import { inTransaction } from "../../store/transaction.ts";
import type { Caller } from "../callers.ts";
import { type GrpcPorts, HEARTBEAT_MS } from "../ports.ts";
import { type ProxySession, type ProxySessions, superseded } from "../proxy-sessions.ts";
import type { ReportTimes } from "../report-times.ts";
import type { StreamLife } from "../serve-call.ts";
import { type Announcement, connectProxy } from "./connect-proxy.ts";
import type { ProgressWriter } from "./progress-writer.ts";

/** A control stream, with what other calls of the same proxy need to know about it. */
export interface MappingSession extends ProxySession {
  readonly cluster: string;
  readonly accountId: AccountId | null;
}

export interface MappingPorts extends GrpcPorts {
  sessions: ProxySessions<MappingSession>;
  reportTimes: ReportTimes;
  progress: ProgressWriter;
}

export interface MappingStream {
  /** Delivers one message; for the messages that start a stream, also waits for what has to come back. */
  deliver(message: MappingMessage): Promise<void>;
  /** Called once the proxy is accepted, before the first message. */
  accepted?(progress: ProxyProgress): void;
}

/** Notes how far a proxy got. */
export interface ProxyProgress {
  applied(revision: number): void;
  rejected(rejections: readonly management.MappingRejection[]): void;
}

/** The life of a control stream of either kind, from its announcement to its end. */
export async function runMappingSession(
  ports: MappingPorts,
  caller: Extract<Caller, { kind: "proxy" }>,
  peer: string,
  announcement: Announcement,
  life: StreamLife<never>,
  stream: MappingStream,
): Promise<void> {
  const { context, reconciler, log, sessions, reportTimes } = ports;
  const { store, nowMs } = context;
  const connectedAt = nowMs();
  const { row, resumeAfter } = await connectProxy(store, caller, announcement, connectedAt);
  const close = sessions.open({
    kind: "mappings",
    proxyId: row.id,
    tokenId: row.tokenId,
    cluster: row.cluster,
    accountId: row.accountId,
    peer,
    end: life.end,
  });
  const heartbeat = setInterval(() => {
    beat(ports, row, reportTimes.hasReportedSince(row.id, connectedAt)).then(
      (current) => current || life.end(superseded(row.id)),
      (error: unknown) => log.error({ err: error, proxyId: row.id }, "a heartbeat could not be written"),
    );
  }, ports.heartbeatMs ?? HEARTBEAT_MS);
  log.info(
    { proxyId: row.id, cluster: row.cluster, resumeAfter: resumeAfter?.revision, version: row.version },
    "proxy connected",
  );
  try {
    stream.accepted?.(progressOf(ports, row));
    const messages = followMappings({
      store,
      feed: reconciler.feed,
      loads: reconciler.loads,
      audience: {
        cluster: row.cluster,
        accountId: row.accountId,
        capabilities: row.capabilities,
        needsOneTimeTokens: announcement.resume === undefined,
        understandsRevisions: announcement.resume !== undefined,
      },
      resumeAfter,
      signal: life.signal,
      nowMs,
    });
    for await (const message of messages) await stream.deliver(message);
  } finally {
    clearInterval(heartbeat);
    close();
    const gone = { connected: false, lastSeen: nowMs() };
    await updateProxySession(store.db, row.id, row.sessionId, gone).catch((error: unknown) =>
      log.error({ err: error, proxyId: row.id }, "a proxy could not be marked as gone"),
    );
    log.info({ proxyId: row.id, cluster: row.cluster }, "proxy disconnected");
  }
}

/**
 * Says that the proxy is still there. One that sends reports is alive by its reports only, so that a proxy that stopped
 * working behind an open connection shows.
 *
 * @returns false when another stream, perhaps of another server, has taken over
 */
async function beat({ context }: MappingPorts, row: ProxyRow, reports: boolean): Promise<boolean> {
  const { store, nowMs } = context;
  const change = reports ? { connected: true } : { connected: true, lastSeen: nowMs() };
  if (await updateProxySession(store.db, row.id, row.sessionId, change)) return true;
  return inTransaction(store.db, async (trx) => {
    const present = await getProxy(trx, row.id);
    // It may be back already: a slow database lets two heartbeats overlap.
    if (present) return present.sessionId === row.sessionId;
    // Somebody forgot the cluster while the proxy was connected.
    await saveProxy(trx, { ...row, lastSeen: nowMs() });
    return true;
  });
}

function progressOf({ context, log, progress }: MappingPorts, row: ProxyRow): ProxyProgress {
  const failed = (error: unknown) => log.error({ err: error, proxyId: row.id }, "an ack could not be noted");
  return {
    applied: (revision) => progress.applied(row.sessionId, revision),
    rejected(rejections) {
      for (const { serviceId, code, message } of rejections) {
        log.warn({ proxyId: row.id, serviceId, code, why: message }, "proxy refused a service");
      }
      noteRejections(context, row.id, rejections).catch(failed);
    },
  };
}

/** A refusal shows at once, without waiting for the proxy's next report. */
async function noteRejections(
  context: MappingPorts["context"],
  proxyId: ProxyId,
  rejections: readonly management.MappingRejection[],
): Promise<void> {
  const nowMs = context.nowMs();
  await inTransaction(context.store.db, async (trx) => {
    const ids = rejections.map(({ serviceId }) => serviceId);
    const known = await findReportsOfProxy<ServiceReport>(trx, proxyId, ids);
    const accounts = new Map<string, AccountId>(
      (await listServiceHeads(trx, ids)).map(({ id, accountId }) => [id, accountId]),
    );
    const rows = rejections.flatMap(({ serviceId, code, message }) => {
      const accountId = accounts.get(serviceId);
      if (accountId === undefined) return [];
      const before = known.get(serviceId);
      const report: ServiceReport = {
        ...(before?.report ?? emptyReport("report")),
        rejectionCode: code || "proxy.rejected",
        rejectionMessage: message,
      };
      return [
        {
          proxyId,
          serviceId: serviceId as never,
          accountId,
          report,
          certificateAlert: certificateAlert(report, nowMs)?.kind ?? null,
          servingRevision: before?.servingRevision ?? 0,
          reportedAt: nowMs,
        },
      ];
    });
    const alerts = rows.map(({ serviceId, report }) => [serviceId, certificateAlert(report, nowMs)] as const);
    await noteCertificateAlerts(trx, context, proxyId, new Map(alerts));
    await saveServiceReports(trx, rows);
  });
}
