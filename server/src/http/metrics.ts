import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { CertificateAlertKind } from "../domain/certificate-alert.ts";

export interface Metrics {
  observeRequest(method: string, route: string, status: number, durationMs: number): void;
  /** Prometheus text. */
  render(
    sizes: Record<"services" | "peers" | "proxies" | "connectedProxies", number>,
    alerts: Record<CertificateAlertKind, number>,
  ): Promise<string>;
  contentType: string;
}

/** A registry of its own, so that two servers in one process do not count together. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "netbird_http_requests_total",
    help: "REST requests by method, route and status.",
    labelNames: ["method", "route", "status"],
    registers: [registry],
  });
  const durations = new Histogram({
    name: "netbird_http_request_duration_seconds",
    help: "Time to answer a REST request.",
    labelNames: ["method", "route"],
    buckets: [0.005, 0.02, 0.1, 0.5, 2],
    registers: [registry],
  });
  const objects = new Gauge({
    name: "netbird_objects",
    help: "Rows in the database by kind.",
    labelNames: ["kind"],
    registers: [registry],
  });
  const certificates = new Gauge({
    name: "netbird_certificate_alerts",
    help: "Services whose certificate cannot be issued (failed) or runs out without a newer one (expiring).",
    labelNames: ["kind"],
    registers: [registry],
  });
  return {
    contentType: registry.contentType,
    observeRequest(method, route, status, durationMs) {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, durationMs / 1000);
    },
    async render(sizes, alerts) {
      for (const [kind, count] of Object.entries(alerts)) certificates.set({ kind }, count);
      for (const [kind, size] of Object.entries(sizes)) objects.set({ kind }, size);
      return registry.metrics();
    },
  };
}
