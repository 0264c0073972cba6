import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const durations = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];

/** Everything that can be counted. Names follow NetBird's proxy where it has them, so that dashboards go on working. */
export class Metrics {
  readonly registry = new Registry();
  readonly requests = this.#counter("proxy_http_request_counter_total", "HTTP requests answered", [
    "host",
    "status",
  ]);
  readonly activeRequests = this.#gauge("proxy_http_active_requests", "HTTP requests under way");
  readonly requestMs = this.#histogram(
    "proxy_http_request_duration_ms_milliseconds",
    "From the request's head to the end of its answer",
  );
  readonly backendMs = this.#histogram(
    "proxy_backend_duration_ms_milliseconds",
    "From the request's head to the start of the target's answer",
  );
  readonly failovers = this.#counter(
    "proxy_http_failovers_total",
    "Times that a request was sent on to another target of its path",
  );
  readonly failures = this.#counter("proxy_http_failures_total", "Answers of the proxy itself", ["code"]);
  readonly domains = this.#gauge("proxy_domains_count", "Published domains");
  readonly paths = this.#gauge("proxy_paths_count", "Paths of published domains");
  readonly l4Services = this.#gauge("proxy_l4_services_count", "tcp, tls and udp services", ["mode"]);
  readonly handshakeFailures = this.#counter(
    "proxy_tls_handshake_failures_total",
    "TLS handshakes that failed",
  );
  readonly snapshotMs = this.#histogram(
    "proxy_sync_snapshot_duration_ms_milliseconds",
    "From the start of a stream to its complete state",
  );
  readonly batchMs = this.#histogram(
    "proxy_sync_batch_duration_ms_milliseconds",
    "Applying one message of the control stream",
  );
  readonly connected = this.#gauge("proxy_management_connected", "1 while the control stream stands");
  readonly appliedRevision = this.#gauge("proxy_applied_revision", "Revision that is served");
  readonly rejected = this.#gauge("proxy_rejected_services", "Services whose newest mapping was refused");
  readonly certificateReloads = this.#counter(
    "proxy_certificate_reloads_total",
    "Reloads of certificate files",
    ["result"],
  );
  readonly certificates = this.#gauge("proxy_certificates", "Names with ordered certificates by state", [
    "state",
  ]);
  readonly certificateOrders = this.#counter(
    "proxy_certificate_orders_total",
    "Orders at the certificate authority",
    ["result"],
  );
  readonly certificateExpiry = this.#gauge(
    "proxy_certificate_next_expiry_timestamp_seconds",
    "When the first of the ordered certificates expires",
  );
  readonly stateWrites = this.#counter("proxy_state_writes_total", "Writes of the last known configuration", [
    "result",
  ]);
  readonly accessLogsDropped = this.#counter(
    "proxy_access_logs_dropped_total",
    "Access log records that did not reach the server",
    ["reason"],
  );
  readonly restrictions = this.#counter(
    "proxy_restrictions_total",
    "Requests, connections and flows that a restriction refused, or would have refused",
    ["restriction", "verdict", "mode"],
  );
  readonly countryReloads = this.#counter(
    "proxy_country_database_reloads_total",
    "Country databases that were put into the folder",
    ["result"],
  );
  readonly crowdsecDecisions = this.#gauge(
    "proxy_crowdsec_decisions",
    "Decisions of CrowdSec that are known",
  );
  readonly crowdsecPolls = this.#counter("proxy_crowdsec_polls_total", "Questions to CrowdSec's local API", [
    "result",
  ]);
  readonly targets = this.#gauge("proxy_targets", "Targets by what their probe found", ["reason"]);
  readonly tcpActive = this.#gauge("proxy_tcp_active_connections", "Relayed TCP connections", ["account_id"]);
  readonly tcpConnections = this.#counter(
    "proxy_tcp_connections_total",
    "Relayed TCP connections by result",
    ["account_id", "result"],
  );
  readonly tcpMs = this.#histogram(
    "proxy_tcp_connection_duration_ms_milliseconds",
    "Life of relayed connections",
    ["account_id"],
  );
  readonly tcpBytes = this.#counter("proxy_tcp_bytes_total", "Relayed bytes", ["direction"]);
  readonly udpActive = this.#gauge("proxy_udp_active_sessions", "Relayed UDP flows", ["account_id"]);
  readonly udpSessions = this.#counter("proxy_udp_sessions_total", "Relayed UDP flows by result", [
    "account_id",
    "result",
  ]);
  readonly udpPackets = this.#counter("proxy_udp_packets_total", "Relayed datagrams", ["direction"]);
  readonly udpBytes = this.#counter("proxy_udp_bytes_total", "Relayed datagram bytes", ["direction"]);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[] = []): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge<L extends string>(name: string, help: string, labelNames: L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram<L extends string>(name: string, help: string, labelNames: L[] = []): Histogram<L> {
    return new Histogram({ name, help, labelNames, buckets: durations, registers: [this.registry] });
  }
}
