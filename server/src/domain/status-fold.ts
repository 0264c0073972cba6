import { type ReasonCode, reasonCodes, type ServiceState, type StatusReason } from "@netbird-proxy/proto";
import { PROXY_ACTIVE_MS, type Proxy as ProxyRow } from "../store/proxies.ts";
import type { ServiceColumns, StoredTarget } from "../store/services.ts";
import { needsAccessRules, whyNotServed } from "./may-serve.ts";
import type { CertificateReport, ServiceReport, TargetReport } from "./service-report.ts";
import { groupByPath, targetName } from "./target-path.ts";

/** A proxy reports at least every 15 s; one that missed three is not to be believed. */
export const STALE_REPORT_MS = 45_000;

/** As much of a service as its status depends on. */
export type FoldedService = Pick<
  ServiceColumns,
  "enabled" | "terminated" | "private" | "accessRules" | "mode" | "listenPort" | "revision" | "proxyCluster"
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

/** The proxies of a cluster, sorted out once for all of its services. */
export interface FoldedCluster {
  /** Every proxy of the cluster that this account may use, connected or not, in order of id. */
  readonly proxies: readonly FoldedProxy[];
  readonly connected: readonly FoldedProxy[];
  /** All connected ones can do the same. */
  readonly alike: boolean;
  /** Ids of those with an address in the account's overlay. */
  readonly joined: ReadonlySet<string>;
}

/** @param joined ids of the proxies with an address in the account's overlay */
export function foldedCluster(
  proxies: readonly FoldedProxy[],
  nowMs: number,
  joined: ReadonlySet<string> = new Set(),
): FoldedCluster {
  const sorted = [...proxies].sort((one, other) => (one.id < other.id ? -1 : 1));
  const connected = sorted.filter((proxy) => isConnected(proxy, nowMs));
  const abilities = new Set(connected.map(({ capabilities }) => JSON.stringify(capabilities)));
  return { proxies: sorted, connected, alike: abilities.size <= 1, joined };
}

export interface FoldInput {
  service: FoldedService;
  /** Of the service. */
  cluster: FoldedCluster;
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
  readonly proxies: ProxyStatus[];
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

function severityOf(state: ServiceState): number {
  return severity.indexOf(state);
}

/**
 * The status of a service. It is `active` when every connected proxy of its cluster serves the newest revision, has a
 * certificate for it and reached an enabled target of every path; otherwise the worst state counts, with a reason that names the
 * proxy and the target. Nothing is remembered: the same input gives the same status.
 */
export function foldStatus({ service, cluster, reports, nowMs }: FoldInput): FoldedStatus {
  const reportOf = new Map(reports.map((report) => [report.proxyId, report]));
  const { joined } = cluster;
  const judged = speakers(cluster, reportOf).map((proxy) =>
    judge(service, proxy, reportOf.get(proxy.id), { nowMs, joined }),
  );
  const { state, reason: why } = verdictOf(
    serviceJudgement(service, cluster, nowMs) ?? judged.reduce(worseProxy),
  );
  let proxies: ProxyStatus[] | undefined;
  return {
    state,
    reason: why,
    liveOn: judged.filter((one) => one.state === "active").map(({ proxyId }) => proxyId),
    liveRevision: judged.reduce(
      (oldest, { servingRevision }) => Math.min(oldest, servingRevision),
      judged.length === 0 ? 0 : Number.POSITIVE_INFINITY,
    ),
    certificate: soonestCertificate(judged.map(({ proxyId }) => reportOf.get(proxyId)?.report.certificate)),
    // Made when it is asked for: a list of thousands of services does without.
    get proxies() {
      proxies ??= cluster.proxies.map((proxy) =>
        proxyStatus(service, proxy, reportOf.get(proxy.id), { nowMs, joined }),
      );
      return proxies;
    },
  };
}

/**
 * The connected proxies whose word counts. Those that can do the same and said nothing are all in the same state, so one
 * of them speaks for the others: a new service is silent on every proxy of its cluster.
 */
function speakers(
  { connected, alike }: FoldedCluster,
  reportOf: ReadonlyMap<string, FoldedReport>,
): FoldedProxy[] {
  if (!alike) return [...connected];
  if (reportOf.size === 0) return connected.slice(0, 1);
  const silent = connected.find(({ id }) => !reportOf.has(id));
  return connected.filter((proxy) => proxy === silent || reportOf.has(proxy.id));
}

function isConnected(proxy: FoldedProxy, nowMs: number): boolean {
  return proxy.connected && nowMs - proxy.lastSeen < PROXY_ACTIVE_MS;
}

/** What is wrong whatever the proxies say. */
function serviceJudgement(
  service: FoldedService,
  { proxies, connected }: FoldedCluster,
  nowMs: number,
): Judgement | undefined {
  if (!service.enabled || service.terminated) {
    const what = service.terminated ? "terminated" : "disabled";
    return { state: "pending", why: () => reason("service.disabled", `the service is ${what}`) };
  }
  if (!service.targets.some(({ enabled }) => enabled)) {
    return error("service.no_enabled_targets", () => "every target of the service is disabled");
  }
  if (connected.length === 0) {
    return error("service.no_proxy_connected", () => nobodyConnected(service, proxies, nowMs));
  }
  return undefined;
}

/** Of two that are as bad, the one with the smaller id speaks. */
function worseProxy(one: ProxyJudgement, other: ProxyJudgement): ProxyJudgement {
  const order = severityOf(other.state) - severityOf(one.state);
  return order < 0 || (order === 0 && other.proxyId < one.proxyId) ? other : one;
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

type Present = { nowMs: number } & Pick<FoldedCluster, "joined">;

type Verdict = { state: ServiceState; reason?: StatusReason };

/** A verdict whose words are not written yet: of many proxies only one gets to speak. */
interface Judgement {
  state: ServiceState;
  /** Absent when active. */
  why?: () => StatusReason;
}

interface ProxyJudgement extends Judgement {
  proxyId: string;
  servingRevision: number;
}

function verdictOf({ state, why }: Judgement): Verdict {
  return { state, reason: why?.() };
}

function proxyStatus(
  service: FoldedService,
  proxy: FoldedProxy,
  said: FoldedReport | undefined,
  now: Present,
): ProxyStatus {
  const judgement = judge(service, proxy, said, now);
  const connected = isConnected(proxy, now.nowMs);
  const { state, reason: why } = verdictOf(judgement);
  return {
    proxyId: proxy.id,
    connected,
    live: connected && state === "active",
    state,
    ...(why ? { reason: why } : {}),
    appliedRevision: proxy.appliedRevision,
    servingRevision: judgement.servingRevision,
    reportedAt: said?.reportedAt ?? null,
    certificate: said?.report.certificate ? certificateStatus(said.report.certificate) : undefined,
    targets: enabledTargets(service).map((target) => targetStatus(target, said?.report)),
  };
}

function enabledTargets({ targets }: FoldedService) {
  return targets.filter(({ enabled }) => enabled);
}

function judge(
  service: FoldedService,
  proxy: FoldedProxy,
  said: FoldedReport | undefined,
  now: Present,
): ProxyJudgement {
  // A stock proxy does not say what it serves; it applies in order what it acknowledges.
  const servingRevision =
    said?.report.source === "status"
      ? Math.max(said.servingRevision, Math.min(service.revision, proxy.appliedRevision))
      : (said?.servingRevision ?? 0);
  const { state, why } = firstWrong(service, proxy, said, servingRevision, now);
  return { proxyId: proxy.id, servingRevision, state, why };
}

/** The first thing that is wrong on one proxy; a proxy that is not connected is judged by its last words. */
function firstWrong(
  service: FoldedService,
  proxy: FoldedProxy,
  said: FoldedReport | undefined,
  servingRevision: number,
  { nowMs, joined }: Present,
): Judgement {
  const { id } = proxy;
  if (whyNotServed(service, proxy.capabilities) === "unsupported") {
    const what = service.private
      ? "private services"
      : needsAccessRules(service) && proxy.capabilities.supportsAccessRules !== true
        ? "access rules that deny or require"
        : `listeners of mode ${service.mode}`;
    return error("proxy.mode_unsupported", () => `proxy ${id} does not support ${what}`);
  }
  if (service.private && proxy.capabilities.private !== true) {
    return error("proxy.private_off", () => `proxy ${id} lets no peers in`);
  }
  if (said?.report.source === "report" && nowMs - proxy.lastSeen > STALE_REPORT_MS) {
    return error("proxy.stale_report", () => {
      const ago = Math.round((nowMs - proxy.lastSeen) / 1000);
      return `proxy ${id} has not reported for ${ago} s`;
    });
  }
  if (said && said.report.rejectionCode !== "") {
    const { rejectionCode, rejectionMessage } = said.report;
    return error(knownReason(rejectionCode, "proxy.rejected"), () => {
      const serves = servingRevision > 0 ? `it serves revision ${servingRevision}` : "it does not serve it";
      return `proxy ${id} refused revision ${service.revision} and ${serves}: ${rejectionMessage || rejectionCode}`;
    });
  }
  if (!said || servingRevision < service.revision) {
    return {
      state: "pending",
      why: () => {
        const serves =
          servingRevision > 0 ? `still serves revision ${servingRevision}` : "does not serve it yet";
        return reason(
          "service.not_applied_yet",
          `proxy ${id} has not applied revision ${service.revision}; it ${serves}`,
        );
      },
    };
  }
  if (service.private && !joined.has(id)) {
    const why = () => reason("service.not_applied_yet", `proxy ${id} has no address in the overlay yet`);
    return { state: "pending", why };
  }
  if (said.report.status) return stockJudgement(id, said.report.status);
  return [...targetsByPath(service)]
    .map((targets) => pathJudgement(id, targets, said.report))
    .reduce(worse, certificateJudgement(service, id, said.report.certificate));
}

function targetsByPath(service: FoldedService): Iterable<FoldedService["targets"]> {
  const targets = enabledTargets(service);
  // Most services have one, and lists fold thousands of them.
  return targets.length === 1 ? [targets] : groupByPath(targets).values();
}

/** A path is served while one of its targets is. */
function pathJudgement(id: string, targets: FoldedService["targets"], report: ServiceReport): Judgement {
  return targets
    .map((target) => targetJudgement(id, target, targets, report))
    .reduce((one, other) => (severityOf(other.state) > severityOf(one.state) ? other : one));
}

function worse(one: Judgement, other: Judgement): Judgement {
  return severityOf(other.state) < severityOf(one.state) ? other : one;
}

function error(code: ReasonCode, message: () => string): Judgement {
  return { state: "error", why: () => reason(code, message()) };
}

/** A stock proxy's own word is all there is: it probes nothing, and the server gives it no tunnel. */
function stockJudgement(id: string, { state, message }: NonNullable<ServiceReport["status"]>): Judgement {
  const because = message === "" ? "" : `: ${message}`;
  const says = (code: ReasonCode, text: string): Judgement => ({
    state,
    why: () => reason(code, `proxy ${id} ${text}${because}`),
  });
  switch (state) {
    case "active":
      return { state };
    case "pending":
      return says("target.not_probed_yet", "is still setting it up");
    case "tunnel_not_created":
      return says("tunnel.not_supported", "has no tunnel");
    case "certificate_pending":
      return says("certificate.pending", "waits for a certificate");
    case "certificate_failed":
      return says("certificate.failed", "got no certificate");
    case "error":
      return says("proxy.rejected", "reported an error");
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

function certificateJudgement(
  { mode }: FoldedService,
  id: string,
  said: CertificateReport | null | undefined,
): Judgement {
  // Only http ends TLS here; a proxy that has not said anything about its certificate has not got one yet.
  if (mode !== "http") return { state: "active" };
  switch (said?.state) {
    case "ready":
    case "not_needed":
      return { state: "active" };
    case "failed":
      return { state: "certificate_failed", why: () => onProxy(id, certificateStatus(said)!.reason!) };
    case "pending":
      return { state: "certificate_pending", why: () => onProxy(id, certificateStatus(said)!.reason!) };
    default:
      return {
        state: "certificate_pending",
        why: () => reason("certificate.pending", `proxy ${id} has not reported a certificate yet`),
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

function targetJudgement(
  id: string,
  target: FoldedService["targets"][number],
  targets: FoldedService["targets"],
  report: ServiceReport,
): Judgement {
  const state = report.targets.find(({ position }) => position === target.position)?.state ?? "unknown";
  if (state === "reachable") return { state: "active" };
  return {
    state: state === "unknown" ? "pending" : state === "no_tunnel" ? "tunnel_not_created" : "error",
    why: () => {
      const name = `target ${targetName(target, targets)}`;
      const { code, message, hint } = targetStatus(target, report).reason!;
      return { code, message: `proxy ${id}, ${name}: ${message}`, hint };
    },
  };
}

function soonestCertificate(
  certificates: readonly (CertificateReport | null | undefined)[],
): FoldedStatus["certificate"] {
  const expiry = ({ expiresAt }: CertificateReport) => expiresAt ?? Number.POSITIVE_INFINITY;
  let soonest: CertificateReport | undefined;
  for (const one of certificates) {
    if (one?.state === "ready" && (soonest === undefined || expiry(one) < expiry(soonest))) soonest = one;
  }
  return soonest && { source: soonest.source, expiresAt: soonest.expiresAt };
}
