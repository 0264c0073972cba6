import type { AccountId } from "@netbird-proxy/proto";
import type { control, management } from "@netbird-proxy/proto/grpc";
import type { EndedSessions } from "./access/ended-sessions.ts";
import type { Brandings } from "./answer/branding.ts";
import type { CertificateStore } from "./cert/certificate-store.ts";
import type { UploadedCertificates } from "./cert/uploaded/uploaded-certificates.ts";
import { type ProxyConfig, version } from "./config.ts";
import { brandingsPoll } from "./control/brandings-poll.ts";
import { endedSessionsPoll } from "./control/ended-sessions-poll.ts";
import { foldStatus, LegacyStatusSender } from "./control/legacy-status.ts";
import type { ManagementClient } from "./control/management-client.ts";
import { type MappingBatch, MappingStream } from "./control/mapping-stream.ts";
import type { Poll } from "./control/poll.ts";
import { StateReporter } from "./control/state-reporter.ts";
import { TunnelStream } from "./control/tunnel-stream.ts";
import { UploadedStream } from "./control/uploaded-stream.ts";
import type { Logger } from "./observe/log.ts";
import type { Metrics } from "./observe/metrics.ts";
import { timestamp } from "./observe/request-record.ts";
import type { Probe } from "./probe/prober.ts";
import { type ReportSources, serviceReports } from "./report/service-report.ts";
import type { TableHolder } from "./route/host-table.ts";
import type { ServiceRegistry } from "./route/registry.ts";
import { SavedState } from "./saved-state.ts";
import type { Identity } from "./state/identity.ts";
import type { Tunnels } from "./tunnel/tunnels.ts";

export interface ControlPlaneParts {
  readonly config: ProxyConfig;
  readonly client: ManagementClient;
  readonly identity: Identity;
  readonly registry: ServiceRegistry;
  readonly table: TableHolder;
  readonly tunnels: Tunnels;
  readonly certificates: CertificateStore;
  readonly uploaded: UploadedCertificates;
  readonly ended: EndedSessions;
  readonly branding: Brandings;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly onConnected: (connected: boolean) => void;
  /** DNS credentials for these domains are new or changed. */
  readonly onDnsChanged: (domains: readonly string[]) => void;
  /** Other names are published now; `complete`: and all of them are known. */
  readonly acmeReport: () => control.AcmeReport | undefined;
  readonly onNames: (complete: boolean) => Promise<void>;
}

/**
 * Between the management server and the data plane: takes desired state in, keeps it on disk, and says what became of
 * it. Nothing here is in the way of a request.
 */
export class ControlPlane {
  readonly #parts: ControlPlaneParts;
  readonly #startedAtMs = Date.now();
  readonly #mappings: MappingStream;
  readonly #tunnelStream: TunnelStream;
  readonly #uploadedStream: UploadedStream;
  readonly #endedPoll: Pick<Poll<never>, "setConnected" | "stop">;
  readonly #brandingsPoll: Pick<Poll<never>, "setConnected" | "stop">;
  readonly #reporter: StateReporter;
  readonly #legacy: LegacyStatusSender;
  readonly #saved: SavedState;
  #epoch = "";
  #revision = 0n;
  #connected = false;
  #syncStartedMs = 0;
  /** Which services a probe is about; made when first asked for after a change. */
  #byProbe: Map<Probe, string[]> | undefined;
  #expiryTimer: NodeJS.Timeout | undefined;
  /** Something to serve: from disk or from the server. */
  configurationLoaded = false;
  initialSyncComplete = false;

  constructor(parts: ControlPlaneParts) {
    this.#parts = parts;
    const { config, client, identity, log, tunnels } = parts;
    this.#legacy = new LegacyStatusSender(client, log);
    this.#reporter = new StateReporter({
      client,
      log,
      proxyId: identity.proxyId,
      position: () => ({ epoch: this.#epoch, revision: this.#revision }),
      reports: (ids) => serviceReports(this.#sources, ids, Date.now()),
      peers: () => tunnels.peerReports(),
      acme: parts.acmeReport,
      onUnsupported: () => this.#reportLegacy(),
    });
    this.#mappings = new MappingStream({
      client,
      log,
      init: () => this.#init(),
      apply: (batch) => this.#apply(batch),
      onConnected: (connected) => this.#setConnected(connected),
    });
    this.#endedPoll = endedSessionsPoll(client, parts.ended, log);
    this.#brandingsPoll = brandingsPoll(client, parts.branding, log);
    this.#uploadedStream = new UploadedStream({
      client,
      log,
      proxyId: identity.proxyId,
      have: () => parts.uploaded.have,
      apply: (changes) => {
        void parts.uploaded.apply(changes);
        if (changes.dnsChanged.length > 0) parts.onDnsChanged(changes.dnsChanged);
      },
    });
    this.#tunnelStream = new TunnelStream({
      client,
      log,
      hello: {
        proxyId: identity.proxyId,
        address: config.domain,
        wireguardEndpoint: config.wireguard.endpoint,
        websocketEndpoint: "",
      },
      publicKey: (accountId) => tunnels.publicKey(accountId),
      onState: (state) => tunnels.apply(state),
      onUnsupported: () => {
        tunnels.notSupported();
        this.#reporter.changed(parts.registry.served.keys());
      },
    });
    tunnels.onAccounts = (accounts) => this.#tunnelStream.setAccounts(accounts);
    this.#saved = new SavedState({
      ...parts,
      directory: config.stateDirectory,
      position: () => this.position,
    });
  }

  get #sources(): ReportSources {
    return this.#parts;
  }

  get connected(): boolean {
    return this.#connected;
  }

  get position(): { epoch: string; revision: bigint } {
    return { epoch: this.#epoch, revision: this.#revision };
  }

  /** Puts the configuration from disk into service. */
  async restore(): Promise<void> {
    const { registry, tunnels, log } = this.#parts;
    const value = this.#saved.read();
    if (value === undefined) return;
    tunnels.remember(value.peersSeenAt);
    await registry.apply(value.mappings);
    this.#useAccounts();
    // Before the first visitor comes: the certificates are on disk too.
    await this.#parts.onNames(false);
    for (const state of value.tunnels) tunnels.apply(state);
    this.#epoch = value.epoch;
    this.#revision = value.revision;
    this.configurationLoaded = true;
    this.#count();
    log.info(
      { count: value.mappings.length, epoch: value.epoch, revision: value.revision.toString() },
      "serving the saved configuration until the server answers",
    );
  }

  start(): void {
    this.#mappings.start();
    this.#tunnelStream.start();
    this.#watchExpiry();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#expiryTimer);
    this.#mappings.stop();
    this.#uploadedStream.stop();
    this.#endedPoll.stop();
    this.#brandingsPoll.stop();
    this.#tunnelStream.stop();
    this.#reporter.stop();
    await this.#saved.flush();
  }

  /** A probe found something else than before. */
  probeChanged(probe: Probe): void {
    this.#byProbe ??= servicesByProbe(this.#parts.registry);
    this.#reporter.changed(this.#byProbe.get(probe) ?? []);
  }

  /** @param names whose certificate changed; undefined: any */
  certificatesChanged(names?: readonly string[]): void {
    const { registry, table } = this.#parts;
    const { http } = table.current;
    this.#reporter.changed(
      names === undefined
        ? registry.served.keys()
        : names.flatMap((name) => {
            const service = http.get(name);
            return service === undefined ? [] : [service.id];
          }),
    );
    this.#watchExpiry();
  }

  tunnelStateChanged(): void {
    this.#saved.configurationChanged();
  }

  /** A certificate that expires is news, though nothing else happens. */
  #watchExpiry(): void {
    clearTimeout(this.#expiryTimer);
    const nextMs = this.#parts.certificates.nextChangeMs(Date.now());
    if (nextMs === undefined) return;
    const waitMs = Math.min(nextMs - Date.now() + 100, 86_400_000);
    this.#expiryTimer = setTimeout(() => {
      this.certificatesChanged();
      // What a file covered until now may have to be ordered.
      void this.#parts.onNames(this.initialSyncComplete);
    }, waitMs);
    this.#expiryTimer.unref();
  }

  #init(): management.SyncMappingsInit {
    const { config, identity } = this.#parts;
    this.#syncStartedMs = performance.now();
    return {
      proxyId: identity.proxyId,
      version,
      startedAt: timestamp(this.#startedAtMs),
      address: config.domain,
      capabilities: {
        supportsCustomPorts: config.capabilities.customPorts,
        requireSubdomain: config.capabilities.requireSubdomain,
        supportsCrowdsec: config.crowdsec !== undefined,
        private: config.capabilities.private,
        // Enforced in any case: the public listener refuses them.
        supportsPrivateService: true,
        supportsAccessRules: true,
      },
      resume: { epoch: this.#epoch, revision: this.#revision },
      publicHttpsPort: config.publicPort,
    };
  }

  async #apply(batch: MappingBatch): Promise<management.SyncMappingsAck> {
    const { registry, metrics, log } = this.#parts;
    const startedMs = performance.now();
    const changed = await registry.apply(batch.mappings, batch.retain);
    this.#byProbe = undefined;
    if (batch.position !== undefined) {
      if (batch.position.epoch !== "") this.#epoch = batch.position.epoch;
      if (batch.position.revision > 0n) this.#revision = batch.position.revision;
    }
    this.#useAccounts();
    if (batch.synchronised) {
      this.configurationLoaded = true;
      this.initialSyncComplete = true;
      metrics.snapshotMs.observe(performance.now() - this.#syncStartedMs);
      log.info(
        { count: registry.served.size, epoch: this.#epoch, revision: this.#revision.toString() },
        "configuration complete",
      );
    }
    if (batch.mappings.length > 0 || batch.position !== undefined || batch.synchronised)
      this.#saved.configurationChanged();
    metrics.batchMs.observe(performance.now() - startedMs);
    this.#count();
    if (changed.size > 0 || batch.synchronised) void this.#parts.onNames(this.initialSyncComplete);
    this.#reporter.changed(changed);
    const rejections: management.MappingRejection[] = [];
    for (const { id } of batch.mappings) {
      const rejection = registry.rejected.get(id);
      if (rejection !== undefined) rejections.push({ serviceId: id, ...rejection });
    }
    return { appliedRevision: this.#revision, rejections };
  }

  #useAccounts(): void {
    const wanted = new Set<AccountId>();
    for (const { service } of this.#parts.registry.served.values()) {
      const tunnelled =
        // Visitors may come through the tunnel, wherever the targets are.
        service.access.tunnelLogin !== undefined ||
        service.relay !== undefined ||
        service.routes.some(({ targets }) => targets.some(({ probe }) => probe.dialer.key !== "direct"));
      if (tunnelled) wanted.add(service.accountId);
    }
    this.#parts.tunnels.retain(wanted);
  }

  #setConnected(connected: boolean): void {
    this.#connected = connected;
    this.#parts.metrics.connected.set(connected ? 1 : 0);
    if (connected) this.#legacy.forget();
    this.#reporter.setConnected(connected);
    this.#uploadedStream.setConnected(connected);
    this.#endedPoll.setConnected(connected);
    this.#brandingsPoll.setConnected(connected);
    this.#parts.onConnected(connected);
  }

  #reportLegacy(): void {
    const { registry } = this.#parts;
    const statuses = serviceReports(this.#sources, undefined, Date.now()).flatMap((report) => {
      const served = registry.served.get(report.serviceId);
      return served === undefined ? [] : [foldStatus(served.service.accountId, report)];
    });
    this.#legacy.update(statuses);
  }

  #count(): void {
    const { metrics, registry, table } = this.#parts;
    const { http } = table.current;
    metrics.domains.set(http.size);
    let paths = 0;
    for (const { routes } of http.values()) paths += routes.length;
    metrics.paths.set(paths);
    metrics.rejected.set(registry.rejected.size);
    metrics.appliedRevision.set(Number(this.#revision));
    const modes = { tcp: 0, tls: 0, udp: 0 };
    for (const { service } of registry.served.values()) if (service.mode !== "http") modes[service.mode] += 1;
    for (const [mode, count] of Object.entries(modes)) metrics.l4Services.set({ mode }, count);
  }
}

function servicesByProbe(registry: ServiceRegistry): Map<Probe, string[]> {
  const byProbe = new Map<Probe, string[]>();
  const add = (probe: Probe, id: string) => {
    const ids = byProbe.get(probe);
    if (ids === undefined) byProbe.set(probe, [id]);
    else if (ids.at(-1) !== id) ids.push(id);
  };
  for (const [id, { service }] of registry.served) {
    for (const { targets } of service.routes) for (const { probe } of targets) add(probe, id);
    if (service.relay !== undefined) add(service.relay.probe, id);
  }
  return byProbe;
}
