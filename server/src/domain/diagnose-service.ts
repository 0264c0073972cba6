import { type ReasonCode, reasonCodes, type StatusReason } from "@netbird-proxy/proto";
import type { ProxyStatus, TargetStatus } from "./status-fold.ts";
import { targetName } from "./target-path.ts";

/** What DNS says about the service's name and the cluster's address. */
export type NameLookup = { domain: readonly string[]; cluster: readonly string[] } | { failed: string };

export interface DiagnoseInput {
  service: {
    domain: string;
    proxyCluster: string;
    mode: string;
    enabled: boolean;
    terminated: boolean;
    private: boolean;
    revision: number;
    targets: readonly { enabled: boolean }[];
  };
  proxies: readonly ProxyStatus[];
  names: NameLookup;
  nowMs: number;
}

export interface Check {
  name: "service" | "cluster" | "dns" | "configuration" | "certificate" | "tunnel" | "target";
  ok: boolean;
  /** `ok`, or a reason code of the catalogue. */
  code: string;
  message: string;
  hint: string;
  proxy?: string;
  target?: string;
}

type About = Pick<Check, "proxy" | "target">;

const EXPIRES_SOON_MS = 7 * 24 * 60 * 60_000;

/**
 * The way of a request, one check after the other: is the service on, is a proxy there, does the name lead to it, has the
 * proxy the newest configuration and a certificate, and does it reach each target. Unlike the status, which names the
 * worst thing, this names all of them.
 */
export function diagnoseService(input: DiagnoseInput): Check[] {
  const connected = input.proxies.filter((proxy) => proxy.connected);
  return [
    checkService(input),
    checkCluster(input, connected),
    checkName(input),
    ...connected.flatMap((proxy) => checkProxy(input, proxy)),
  ];
}

function ok(name: Check["name"], message: string, about: About = {}): Check {
  return { name, ok: true, code: "ok", message, hint: "", ...about };
}

function bad(name: Check["name"], code: ReasonCode, message: string, about: About = {}): Check {
  return { name, ok: false, code, message, hint: reasonCodes[code].hint, ...about };
}

function because(name: Check["name"], { code, message, hint }: StatusReason, about: About): Check {
  return { name, ok: false, code, message, hint, ...about };
}

function checkService({ service }: DiagnoseInput): Check {
  if (service.terminated) return bad("service", "service.disabled", "the service is terminated");
  if (!service.enabled) return bad("service", "service.disabled", "the service is disabled");
  const enabled = service.targets.filter((target) => target.enabled).length;
  if (enabled === 0) return bad("service", "service.no_enabled_targets", "every target is disabled");
  return ok("service", `the service is enabled, and ${enabled} of its ${service.targets.length} targets too`);
}

function checkCluster({ service, proxies }: DiagnoseInput, connected: readonly ProxyStatus[]): Check {
  if (connected.length > 0) {
    return ok(
      "cluster",
      `${connected.length} of ${proxies.length} proxies of ${service.proxyCluster} connected`,
    );
  }
  const known = proxies.length === 0 ? "none has ever connected" : `${proxies.length} were before`;
  return bad(
    "cluster",
    "service.no_proxy_connected",
    `no proxy of ${service.proxyCluster} is connected; ${known}`,
  );
}

/** One address in common is enough: a cluster may stand behind several, and DNS hands out some of them. */
function checkName({ service, names }: DiagnoseInput): Check {
  const { domain, proxyCluster } = service;
  if ("failed" in names) return bad("dns", "dns.lookup_failed", names.failed);
  if (names.domain.length === 0) return bad("dns", "dns.unresolved", `${domain} has no address in DNS`);
  const cluster = new Set(names.cluster);
  const their = service.private ? `the proxies of ${proxyCluster} inside the overlay` : proxyCluster;
  if (cluster.size === 0 && service.private) {
    return bad("dns", "service.not_applied_yet", `no proxy of ${proxyCluster} has joined the overlay yet`);
  }
  if (cluster.size === 0) {
    return bad("dns", "dns.unresolved", `the cluster's own name ${proxyCluster} has no address in DNS`);
  }
  if (names.domain.some((address) => cluster.has(address))) {
    return ok(
      "dns",
      `${domain} leads to ${names.domain.join(", ")}, ${service.private ? their : `as ${their} does`}`,
    );
  }
  return bad(
    "dns",
    "dns.elsewhere",
    `${domain} leads to ${names.domain.join(", ")}, but ${service.private ? `${their} are at` : `${their} to`} ${names.cluster.join(", ")}`,
  );
}

function checkProxy(input: DiagnoseInput, proxy: ProxyStatus): Check[] {
  return [
    checkConfiguration(input, proxy),
    ...(input.service.mode === "http" ? [checkCertificate(input, proxy)] : []),
    ...proxy.targets.flatMap((target) => checkTarget(proxy, target)),
  ];
}

const configurationCodes = new Set([
  "proxy.rejected",
  "proxy.port_in_use",
  "proxy.stale_report",
  "proxy.mode_unsupported",
  "service.not_applied_yet",
]);

function checkConfiguration({ service }: DiagnoseInput, proxy: ProxyStatus): Check {
  const about = { proxy: proxy.proxyId };
  if (proxy.reason && configurationCodes.has(proxy.reason.code)) {
    return because("configuration", proxy.reason, about);
  }
  if (proxy.servingRevision < service.revision) {
    return bad("configuration", "service.not_applied_yet", `it serves ${proxy.servingRevision}`, about);
  }
  return ok("configuration", `it serves revision ${proxy.servingRevision}, the newest`, about);
}

function checkCertificate({ nowMs }: DiagnoseInput, { proxyId, certificate }: ProxyStatus): Check {
  const about = { proxy: proxyId };
  const state = certificate?.state ?? "unknown";
  if (certificate?.reason && state !== "ready") return because("certificate", certificate.reason, about);
  if (state === "not_needed") return ok("certificate", "none is needed", about);
  if (state !== "ready") {
    return bad("certificate", "certificate.pending", "the proxy has not reported a certificate yet", about);
  }
  const { source, expiresAt, reason } = certificate!;
  if (expiresAt !== null && expiresAt <= nowMs) {
    return bad("certificate", "certificate.expired", `it expired on ${day(expiresAt)}`, about);
  }
  const until = expiresAt === null ? "" : `, valid until ${day(expiresAt)}`;
  const soon = expiresAt !== null && expiresAt - nowMs < EXPIRES_SOON_MS;
  // The one in use still works, but its replacement does not.
  if (reason && soon) return because("certificate", reason, about);
  return ok("certificate", `there is one from ${source || "an unknown source"}${until}`, about);
}

function checkTarget({ proxyId, targets }: ProxyStatus, target: TargetStatus): Check[] {
  const about = { proxy: proxyId, target: targetName(target, targets) };
  const { handshakeAgeSeconds: age } = target;
  const noTunnel = target.state === "no_tunnel";
  const shaken = age === null ? undefined : ok("tunnel", `the latest handshake was ${age} s ago`, about);
  const tunnel = noTunnel && target.reason ? because("tunnel", target.reason, about) : shaken;
  const reached = target.reason
    ? because("target", target.reason, about)
    : ok("target", `the latest probe took ${target.probeMs} ms`, about);
  return tunnel ? [tunnel, reached] : [reached];
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
