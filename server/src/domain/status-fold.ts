import { type ReasonCode, reasonCodes, type ServiceState, type StatusReason } from "@netbird-proxy/proto";
import { PROXY_ACTIVE_MS, type Proxy as ProxyRow } from "../store/proxies.ts";
import type { ServiceColumns, StoredTarget } from "../store/services.ts";
import { whyNotServed } from "./may-serve.ts";
import type { CertificateReport, ServiceReport, TargetReport } from "./service-report.ts";

/** A proxy reports at least every 15 s; one that missed three is not to be believed. */
export const STALE_REPORT_MS = 45_000;

/** As much of a service as its status depends on. */
export type FoldedService = Pick<
  ServiceColumns,
  "enabled" | "terminated" | "private" | "mode" | "listenPort" | "revision" | "proxyCluster"
> & {
  targets: readonly Pick<StoredTarget, "position" | "path" | "targetId" | "enabled">[];
};

/** As much of a proxy as a status depends on. */
export type FoldedProxy = Pick<
  ProxyRow,
  "id" | "connected" | "lastSeen" | "capabilities" | "appliedRevision"
>;

export interface FoldedReport {
  proxyId: string;
  report: ServiceReport;
  /** 0: not served. */
  servingRevision: number;
  reportedAt: number;
}

export interface FoldInput {
  service: FoldedService;
  /** Every proxy of the service's cluster that this account may use, connected or not. */
  clusterProxies: readonly FoldedProxy[];
  /** About this service; reports of proxies that are not in the cluster are passed over. */
  reports: readonly FoldedReport[];
  nowMs: number;
}

export interface TargetStatus extends Omit<TargetReport, "reason" | "message"> {
  targetId: string;
  path: string | null;
  /** Absent when reachable. */
  reason?: StatusReason;
}

/** What one proxy contributes. */
export interface ProxyStatus {
  proxyId: string;
  connected: boolean;
  /** It serves the newest revision and reaches every enabled target. */
  live: boolean;
  state: ServiceState;
  /** Absent when live. */
  reason?: StatusReason;
  appliedRevision: number;
  servingRevision: number;
  /** Null: it has said nothing about this service. */
  reportedAt: number | null;
  certificate?: Omit<CertificateReport, "reason" | "message"> & { reason?: StatusReason };
  targets: TargetStatus[];
}

export interface FoldedStatus {
  state: ServiceState;
  /** Absent when active. */
  reason?: StatusReason;
  /** Ids of the proxies that serve the newest revision and reach every enabled target. */
  liveOn: string[];
  /** The oldest revision that a connected proxy serves; 0 when one serves none, or none is connected. */
  liveRevision: number;
  /** The one that runs out first, of the connected proxies. */
  certificate?: { source: string; expiresAt: number | null };
  /** In order of id. */
  proxies: ProxyStatus[];
}

/** From bad to good: a service is as well as the proxy that does worst. */
const severity: readonly ServiceState[] = [
  "error",
  "certificate_failed",
  "tunnel_not_created",
  "certificate_pending",
  "pending",
  "active",
];

/**
 * The status of a service. It is `active` when every connected proxy of its cluster serves the newest revision, has a
 * certificate for it and reached every enabled target; otherwise the worst state counts, with a reason that names the
 * proxy and the target. Nothing is remembered: the same input gives the same status.
 */
export function foldStatus({ service, clusterProxies, reports, nowMs }: FoldInput): FoldedStatus {
  const reportOf = new Map(reports.map((report) => [report.proxyId, report]));
  const proxies = [...clusterProxies]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((proxy) => proxyStatus(service, proxy, reportOf.get(proxy.id), nowMs));
  const connected = proxies.filter((proxy) => proxy.connected);
  const folded = {
    liveOn: connected.filter(({ live }) => live).map(({ proxyId }) => proxyId),
    liveRevision:
      connected.length === 0 ? 0 : Math.min(...connected.map(({ servingRevision }) => servingRevision)),
    certificate: soonestCertificate(connected),
    proxies,
  };
  if (!service.enabled || service.terminated) {
    const what = service.terminated ? "terminated" : "disabled";
    return { ...folded, state: "pending", reason: reason("service.disabled", `the service is ${what}`) };
  }
  if (!service.targets.some(({ enabled }) => enabled)) {
    return {
      ...folded,
      state: "error",
      reason: reason("service.no_enabled_targets", "every target of the service is disabled"),
    };
  }
  if (connected.length === 0) {
    const message = nobodyConnected(service, clusterProxies, nowMs);
    return { ...folded, state: "error", reason: reason("service.no_proxy_connected", message) };
  }
  const worst = connected.reduce((a, b) => (severity.indexOf(b.state) < severity.indexOf(a.state) ? b : a));
  return { ...folded, state: worst.state, reason: worst.reason };
}

function reason(code: ReasonCode, message: string): StatusReason {
  return { code, message, hint: reasonCodes[code].hint };
}

/** What a proxy gave as reason, if it is one; proxies may be newer than we are. */
function knownReason(code: string, fallback: ReasonCode): ReasonCode {
  return Object.hasOwn(reasonCodes, code) ? (code as ReasonCode) : fallback;
}

function nobodyConnected(
  { proxyCluster }: FoldedService,
  proxies: readonly FoldedProxy[],
  nowMs: number,
): string {
  const [latest] = [...proxies].sort((a, b) => b.lastSeen - a.lastSeen);
  if (!latest) return `no proxy of the cluster ${proxyCluster} has ever connected`;
  const ago = Math.max(0, Math.round((nowMs - latest.lastSeen) / 1000));
  return `no proxy of the cluster ${proxyCluster} is connected; ${latest.id} was seen last ${ago} s ago and may still serve what it knew`;
}

type Verdict = { state: ServiceState; reason?: StatusReason };

function proxyStatus(
  service: FoldedService,
  proxy: FoldedProxy,
  said: FoldedReport | undefined,
  nowMs: number,
): ProxyStatus {
  // A stock proxy does not say what it serves; it applies in order what it acknowledges.
  const servingRevision =
    said?.report.source === "status"
      ? Math.max(said.servingRevision, Math.min(service.revision, proxy.appliedRevision))
      : (said?.servingRevision ?? 0);
  const targets = service.targets
    .filter(({ enabled }) => enabled)
    .map((target) => targetStatus(target, said?.report));
  const certificate = said?.report.certificate ? certificateStatus(said.report.certificate) : undefined;
  const verdict = judge(service, proxy, said, { servingRevision, targets, certificate }, nowMs);
  const connected = proxy.connected && nowMs - proxy.lastSeen < PROXY_ACTIVE_MS;
  return {
    proxyId: proxy.id,
    connected,
    live: connected && verdict.state === "active",
    ...verdict,
    appliedRevision: proxy.appliedRevision,
    servingRevision,
    reportedAt: said?.reportedAt ?? null,
    certificate,
    targets,
  };
}

/** The first thing that is wrong on one proxy; a proxy that is not connected is judged by its last words. */
function judge(
  service: FoldedService,
  proxy: FoldedProxy,
  said: FoldedReport | undefined,
  { servingRevision, targets, certificate }: Pick<ProxyStatus, "servingRevision" | "targets" | "certificate">,
  nowMs: number,
): Verdict {
  const { id } = proxy;
  if (whyNotServed(service, proxy.capabilities) === "unsupported") {
    const what = service.private ? "private services" : `listeners of mode ${service.mode}`;
    return error("proxy.mode_unsupported", `proxy ${id} does not support ${what}`);
  }
  if (said?.report.source === "report" && nowMs - proxy.lastSeen > STALE_REPORT_MS) {
    const ago = Math.round((nowMs - proxy.lastSeen) / 1000);
    return error("proxy.stale_report", `proxy ${id} has not reported for ${ago} s`);
  }
  if (said && said.report.rejectionCode !== "") {
    const { rejectionCode, rejectionMessage } = said.report;
    const serves = servingRevision > 0 ? `it serves revision ${servingRevision}` : "it does not serve it";
    return error(
      knownReason(rejectionCode, "proxy.rejected"),
      `proxy ${id} refused revision ${service.revision} and ${serves}: ${rejectionMessage || rejectionCode}`,
    );
  }
  if (!said || servingRevision < service.revision) {
    const serves = servingRevision > 0 ? `still serves revision ${servingRevision}` : "does not serve it yet";
    return {
      state: "pending",
      reason: reason(
        "service.not_applied_yet",
        `proxy ${id} has not applied revision ${service.revision}; it ${serves}`,
      ),
    };
  }
  if (said.report.status) return stockVerdict(id, said.report.status);
  return worstOf([
    certificateVerdict(service, id, certificate),
    ...targets.map((one) => targetVerdict(id, one)),
  ]);
}

function error(code: ReasonCode, message: string): Verdict {
  return { state: "error", reason: reason(code, message) };
}

function worstOf(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce((a, b) => (severity.indexOf(b.state) < severity.indexOf(a.state) ? b : a));
}

/** A stock proxy's own word is all there is: it probes nothing, and the server gives it no tunnel. */
function stockVerdict(id: string, { state, message }: NonNullable<ServiceReport["status"]>): Verdict {
  const because = message === "" ? "" : `: ${message}`;
  switch (state) {
    case "active":
      return { state };
    case "pending":
      return {
        state,
        reason: reason("target.not_probed_yet", `proxy ${id} is still setting it up${because}`),
      };
    case "tunnel_not_created":
      return { state, reason: reason("tunnel.not_supported", `proxy ${id} has no tunnel${because}`) };
    case "certificate_pending":
      return {
        state,
        reason: reason("certificate.pending", `proxy ${id} waits for a certificate${because}`),
      };
    case "certificate_failed":
      return { state, reason: reason("certificate.failed", `proxy ${id} got no certificate${because}`) };
    case "error":
      return error("proxy.rejected", `proxy ${id} reported an error${because}`);
  }
}

function certificateStatus({
  reason: code,
  message,
  ...rest
}: CertificateReport): ProxyStatus["certificate"] {
  if (rest.state === "failed") {
    return { ...rest, reason: reason(knownReason(code, "certificate.failed"), message || "no certificate") };
  }
  if (rest.state === "pending") {
    const text = message || "the certificate is being ordered";
    return { ...rest, reason: reason(knownReason(code, "certificate.pending"), text) };
  }
  // Ready, but the newest files are not usable: it will matter when the certificate in use expires.
  if (rest.state === "ready" && code !== "") {
    return { ...rest, reason: reason(knownReason(code, "certificate.unreadable"), message || code) };
  }
  return rest;
}

function certificateVerdict(
  { mode }: FoldedService,
  id: string,
  certificate: ProxyStatus["certificate"],
): Verdict {
  // Only http ends TLS here; a proxy that has not said anything about its certificate has not got one yet.
  if (mode !== "http") return { state: "active" };
  switch (certificate?.state) {
    case "ready":
    case "not_needed":
      return { state: "active" };
    case "failed":
      return { state: "certificate_failed", reason: onProxy(id, certificate.reason!) };
    case "pending":
      return { state: "certificate_pending", reason: onProxy(id, certificate.reason!) };
    default:
      return {
        state: "certificate_pending",
        reason: reason("certificate.pending", `proxy ${id} has not reported a certificate yet`),
      };
  }
}

function onProxy(id: string, { code, message, hint }: StatusReason): StatusReason {
  return { code, message: `proxy ${id}: ${message}`, hint };
}

function targetStatus(
  { position, targetId, path }: Pick<StoredTarget, "position" | "targetId" | "path">,
  report: ServiceReport | undefined,
): TargetStatus {
  const said = report?.targets.find((target) => target.position === position);
  const { state, handshakeAgeSeconds, probeMs } = said ?? {
    state: "unknown" as const,
    handshakeAgeSeconds: null,
    probeMs: 0,
  };
  const base = { position, targetId, path, state, handshakeAgeSeconds, probeMs };
  if (state === "reachable") return base;
  const [fallback, text] = missingReason(state, handshakeAgeSeconds);
  const code = knownReason(said?.reason ?? "", fallback);
  return { ...base, reason: reason(code, said?.message || text) };
}

/** For a proxy that gave no reason of its own. */
function missingReason(
  state: Exclude<TargetReport["state"], "reachable">,
  handshakeAgeSeconds: number | null,
): [ReasonCode, string] {
  if (state === "unknown") return ["target.not_probed_yet", "the target was not probed yet"];
  if (state === "unreachable") return ["target.unreachable", "the target does not accept connections"];
  return handshakeAgeSeconds === null
    ? ["tunnel.peer_never_connected", "the peer has never connected to this proxy"]
    : ["tunnel.peer_unreachable", "the peer does not answer through the tunnel"];
}

function targetVerdict(id: string, target: TargetStatus): Verdict {
  if (!target.reason) return { state: "active" };
  const state =
    target.state === "unknown" ? "pending" : target.state === "no_tunnel" ? "tunnel_not_created" : "error";
  const name = target.path ? `target ${target.path}` : `target ${target.position}`;
  const { code, message, hint } = target.reason;
  return { state, reason: { code, message: `proxy ${id}, ${name}: ${message}`, hint } };
}

function soonestCertificate(connected: readonly ProxyStatus[]): FoldedStatus["certificate"] {
  const ready = connected.flatMap(({ certificate }) => (certificate?.state === "ready" ? [certificate] : []));
  const [soonest] = ready.sort(
    (a, b) => (a.expiresAt ?? Number.POSITIVE_INFINITY) - (b.expiresAt ?? Number.POSITIVE_INFINITY),
  );
  return soonest && { source: soonest.source, expiresAt: soonest.expiresAt };
}
