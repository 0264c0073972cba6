import { control } from "@netbird-proxy/proto/grpc";
import type { CertificateStore } from "../cert/certificate-store.ts";
import type { Probe } from "../probe/prober.ts";
import type { ServiceRegistry } from "../route/registry.ts";

const notNeeded: control.CertificateReport = {
  state: control.CertificateState.CERTIFICATE_STATE_NOT_NEEDED,
  source: "",
  expiresAtUnixSeconds: 0n,
  reason: "",
  message: "",
  issuedAtUnixSeconds: 0n,
};

export interface ReportSources {
  readonly registry: ServiceRegistry;
  readonly certificates: CertificateStore;
}

/** How things stand for one service; undefined when the proxy neither serves nor refuses it. */
export function serviceReport(
  { registry, certificates }: ReportSources,
  id: string,
  nowMs: number,
): control.ServiceReport | undefined {
  const served = registry.served.get(id);
  const rejection = registry.rejected.get(id);
  if (served === undefined && rejection === undefined) return undefined;
  const service = served?.service;
  const targets: control.TargetReport[] = [];
  for (const { position, probe } of service?.routes.flatMap((route) => route.targets) ?? []) {
    targets.push(targetReport(position, probe));
  }
  if (service?.relay !== undefined) targets.push(targetReport(service.relay.position, service.relay.probe));
  return {
    serviceId: id,
    servingRevision: served?.revision ?? 0n,
    rejectionCode: rejection?.code ?? "",
    rejectionMessage: rejection?.message ?? "",
    certificate:
      service === undefined
        ? undefined
        : service.mode === "http"
          ? certificates.report(service.domain, nowMs)
          : notNeeded,
    targets,
  };
}

function targetReport(position: number, probe: Probe): control.TargetReport {
  const { finding } = probe;
  return {
    position,
    state: finding.state,
    reason: finding.reason,
    message: finding.message,
    handshakeAgeSeconds: BigInt(probe.dialer.handshakeAgeSeconds(probe.host)),
    probeMs: probe.probeMs,
  };
}

/** Reports of these services, or of all. */
export function serviceReports(
  sources: ReportSources,
  ids: Iterable<string> | undefined,
  nowMs: number,
): control.ServiceReport[] {
  const { registry } = sources;
  const wanted = ids ?? new Set([...registry.served.keys(), ...registry.rejected.keys()]);
  const reports: control.ServiceReport[] = [];
  for (const id of wanted) {
    const report = serviceReport(sources, id, nowMs);
    if (report !== undefined) reports.push(report);
  }
  return reports;
}
