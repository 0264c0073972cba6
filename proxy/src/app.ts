import { join } from "node:path";
import { type CountryDatabase, openCountryDatabase } from "@netbird-proxy/geo";
import { createTunnel, type Tunnel } from "@netbird-proxy/tunnel";
import { EndedSessions } from "./access/ended-sessions.ts";
import { forgetSessions } from "./access/session.ts";
import { Suspects } from "./access/suspects.ts";
import { Brandings } from "./answer/branding.ts";
import { type Acme, type AcmeTimes, startAcme } from "./cert/acme/start-acme.ts";
import { CertificateStore } from "./cert/certificate-store.ts";
import { UploadedCertificates } from "./cert/uploaded/uploaded-certificates.ts";
import { UploadedFolder } from "./cert/uploaded/uploaded-folder.ts";
import { ConfigError, type ProxyConfig } from "./config.ts";
import { AccessLogSender } from "./control/access-log-sender.ts";
import { GrpcAuthenticator } from "./control/grpc-authenticator.ts";
import { connectManagement } from "./control/management-client.ts";
import { ControlPlane } from "./control-plane.ts";
import { bind, bindProblem, DataPlane } from "./data-plane.ts";
import type { Exchange } from "./exchange.ts";
import { Upstreams } from "./forward/upstream.ts";
import { HealthServer } from "./observe/health-server.ts";
import type { Logger } from "./observe/log.ts";
import { Metrics } from "./observe/metrics.ts";
import { requestIds } from "./observe/request-id.ts";
import { requestRecord } from "./observe/request-record.ts";
import { Prober } from "./probe/prober.ts";
import { DenialThrottle, type RelayEnd, relayRecord } from "./relay/relay-record.ts";
import { Bouncer } from "./reputation/bouncer.ts";
import { CrowdsecApi } from "./reputation/crowdsec-api.ts";
import { emptyTable, type TableHolder } from "./route/host-table.ts";
import { ServiceRegistry } from "./route/registry.ts";
import { Identity } from "./state/identity.ts";
import { DirectDialer } from "./tunnel/direct-dialer.ts";
import { Tunnels } from "./tunnel/tunnels.ts";

/** How long the start waits for CrowdSec's first answer. */
const CROWDSEC_WAIT_MS = 3_000;

/** Where the proxy can be reached: the line it prints when it is up. */
export interface Listening {
  readonly port: number;
  readonly healthPort: number | undefined;
  readonly redirectPort: number | undefined;
  readonly wireguardPort: number;
  readonly proxyId: string;
}

export interface App {
  readonly listening: Listening;
  readonly metrics: Metrics;
  readonly control: ControlPlane;
  readonly acme: Acme;
  /** Stops accepting, lets requests finish, saves and closes everything. */
  stop(): Promise<void>;
}

/**
 * Builds the proxy and puts it into service.
 *
 * @throws {ConfigError} when something in the environment makes that impossible
 */
export async function startApp(
  config: ProxyConfig,
  log: Logger,
  { acmeTimes, crowdsecIntervalMs }: { acmeTimes?: AcmeTimes; crowdsecIntervalMs?: number } = {},
): Promise<App> {
  const metrics = new Metrics();
  const table: TableHolder = { current: emptyTable };
  const identity = new Identity(config.stateDirectory);
  let data: DataPlane | undefined;
  let control: ControlPlane | undefined;
  const client = connectManagement({ ...config.management, token: config.token });
  const acme = await startAcme(config.acme, {
    client,
    proxyId: identity.proxyId,
    log,
    metrics,
    onChange: (names) => control?.certificatesChanged(names),
    ...(acmeTimes ? { times: acmeTimes } : {}),
  }).catch((error) => {
    client.close();
    throw error;
  });
  acme.challenges.serves = (name) => table.current.http.has(name);
  let complete = false;
  const orderNames = async () => {
    if (acme.certificates === undefined) return;
    const names = [...table.current.http.keys()].filter((name) => certificates.needsOrder(name));
    await acme.certificates.want(new Set(names), { complete });
  };
  const certificatesChanged = () => {
    data?.certificatesChanged();
    control?.certificatesChanged();
    if (control !== undefined) void orderNames();
  };
  const uploaded = new UploadedCertificates({
    folder: new UploadedFolder(join(config.stateDirectory, "uploaded-certificates")),
    accountOf: (name) => table.current.http.get(name)?.accountId,
    log,
    onChange: certificatesChanged,
  });
  const certificates = new CertificateStore({
    uploaded,
    ...(acme.certificates === undefined
      ? {}
      : { issued: acme.certificates, serves: (name: string) => table.current.http.has(name) }),
    certFile: config.certificate.certFile,
    keyFile: config.certificate.keyFile,
    wildcardDirectory: config.wildcardDirectory,
    log,
    onChange: certificatesChanged,
    onReload: (ok) => metrics.certificateReloads.inc({ result: ok ? "ok" : "error" }),
  });
  const undo: (() => void | Promise<void>)[] = [
    () => client.close(),
    () => acme.close(),
    () => certificates.close(),
  ];
  try {
    await uploaded.start().catch((error: Error) => {
      throw new ConfigError([`NB_PROXY_STATE_DIR: ${error.message}: the proxy must be able to write there`]);
    });
    await certificates.start();
    const tunnel = await openTunnel(config);
    const prober = new Prober({ onChange: (probe) => control?.probeChanged(probe) });
    const tunnels = new Tunnels({
      tunnel,
      identity,
      log,
      onUsable: (account) => prober.retryAll(account.key),
      onState: () => control?.tunnelStateChanged(),
      ...(config.capabilities.private && {
        onConnection: (account, incoming) => {
          if (data === undefined) incoming.refuse("refused");
          else data.overlay.take(account, incoming);
        },
      }),
    });
    undo.push(() => tunnels.close());
    undo.push(() => prober.close());
    const countries = await openCountries(config.countryFolder, log, metrics);
    undo.push(() => countries?.close());
    const countryOf = countries && ((address: string) => countries.countryOf(address));
    const bouncer =
      config.crowdsec &&
      new Bouncer({
        api: new CrowdsecApi(config.crowdsec),
        countryOf,
        log,
        onPoll: (ok, decisions) => {
          metrics.crowdsecPolls.inc({ result: ok ? "ok" : "error" });
          metrics.crowdsecDecisions.set(decisions);
        },
        ...(crowdsecIntervalMs === undefined ? {} : { intervalMs: crowdsecIntervalMs }),
      });
    undo.push(() => bouncer?.close());
    const accessLogs = new AccessLogSender(client, {
      perSecond: config.limits.accessLogsPerSecond,
      onDropped: (reason) => metrics.accessLogsDropped.inc({ reason }),
    });
    const denials = new DenialThrottle();
    const branding = new Brandings();
    data = new DataPlane({
      config,
      table,
      certificates,
      challenges: acme.challenges,
      authenticator: new GrpcAuthenticator(client, log),
      addressChecks: {
        countryOf,
        reputation: bouncer,
        suspects: new Suspects(),
        onFinding: ({ restriction, verdict, mode }) =>
          metrics.restrictions.inc({ restriction, verdict, mode }),
      },
      branding,
      metrics,
      log,
      onFinished: (x, complete) => logRequest(accessLogs, x, complete),
      onRelayEnd: (end) => logRelay(accessLogs, denials, end),
    });
    const plane = data;
    const ended = new EndedSessions();
    ended.onEnded = (hashes) => forgetSessions(registry.served.values(), hashes);
    const registry = new ServiceRegistry({
      compile: {
        upstreams: new Upstreams({
          maxIdleConnections: config.limits.maxIdleConnectionsPerHost,
          idleTimeoutMs: config.limits.idleConnectionTimeoutMs,
          tlsHandshakeTimeoutMs: config.limits.upstreamTlsHandshakeTimeoutMs,
          maxInFlight: config.limits.maxInFlight,
          maxHeaderBytes: Math.max(config.limits.maxHeaderBytes, 65_536),
        }),
        prober,
        direct: new DirectDialer(),
        ended,
        tunnel: (accountId) => tunnels.account(accountId),
        limits: config.limits,
      },
      table,
      ports: plane.ports,
      log,
    });
    undo.push(() => registry.close());
    undo.push(() => plane.close());
    control = new ControlPlane({
      config: withEndpoint(config, tunnel.port),
      client,
      identity,
      registry,
      table,
      tunnels,
      certificates,
      uploaded,
      ended,
      branding,
      metrics,
      log,
      onConnected: (connected) => accessLogs.setConnected(connected),
      onDnsChanged: (domains) => acme.certificates?.retryUnder(domains),
      acmeReport: acme.report,
      onNames: (all) => {
        complete ||= all;
        return orderNames();
      },
    });
    const controlPlane = control;
    await controlPlane.restore();
    // A restart must not refuse everybody for the moment that the first answer takes.
    await bouncer?.start(CROWDSEC_WAIT_MS);
    await plane.start();
    let shuttingDown = false;
    const health = new HealthServer(
      {
        configurationLoaded: () => controlPlane.configurationLoaded,
        managementConnected: () => controlPlane.connected,
        initialSyncComplete: () => controlPlane.initialSyncComplete,
        shuttingDown: () => shuttingDown,
      },
      metrics,
    );
    let healthPort: number | undefined;
    if (config.health !== undefined) {
      undo.push(() => health.close());
      healthPort = await bind("NB_PROXY_HEALTH_ADDRESS", config.health, health);
    }
    controlPlane.start();
    undo.push(() => controlPlane.stop());
    return {
      listening: {
        port: plane.port,
        healthPort,
        redirectPort: plane.redirectPort,
        wireguardPort: tunnel.port,
        proxyId: identity.proxyId,
      },
      metrics,
      control: controlPlane,
      acme,
      async stop() {
        shuttingDown = true;
        // Whoever balances over several proxies needs a moment to see that this one is going; until then it answers.
        await new Promise((resolve) => setTimeout(resolve, config.shutdown.delayMs));
        await plane.drain(config.shutdown.drainMs);
        await accessLogs.flush(2000);
        for (const step of undo.reverse()) await step();
      },
    };
  } catch (error) {
    for (const step of undo.reverse()) await step();
    throw error;
  }
}

/** @returns undefined when countries are not looked up */
async function openCountries(
  folder: string | undefined,
  log: Logger,
  metrics: Metrics,
): Promise<CountryDatabase | undefined> {
  if (folder === undefined) return undefined;
  const countries = await openCountryDatabase(
    { folder },
    {
      onReplaced: (file) => {
        metrics.countryReloads.inc({ result: "ok" });
        log.info({ file }, "country database replaced");
      },
      onUnusable: (err) => {
        metrics.countryReloads.inc({ result: "error" });
        log.error({ err, file: err.file }, "a country database cannot be used; the one before it stays");
      },
    },
  );
  log.info({ file: countries.file }, "countries are looked up");
  return countries;
}

async function openTunnel(config: ProxyConfig): Promise<Tunnel> {
  try {
    return await createTunnel({ port: config.wireguard.port });
  } catch (error) {
    const problem = bindProblem(error as NodeJS.ErrnoException, {
      host: undefined,
      port: config.wireguard.port,
    });
    throw new ConfigError([`NB_PROXY_WG_PORT: UDP ${problem}`]);
  }
}

/** With NB_PROXY_WG_PORT=0 the port is known only now. */
function withEndpoint(config: ProxyConfig, port: number): ProxyConfig {
  if (config.wireguard.port !== 0 || !config.wireguard.endpoint.endsWith(":0")) return config;
  const endpoint = `${config.wireguard.endpoint.slice(0, -1)}${port}`;
  return { ...config, wireguard: { port, endpoint } };
}

function logRequest(sender: AccessLogSender, x: Exchange, complete: boolean): void {
  // Names that nobody published are noise, and records without an account are refused by the server.
  if (x.service === undefined || !isLogged(x)) return;
  if (sender.admit()) sender.send(requestRecord(x, Date.now(), complete));
}

function isLogged({ route, target }: Exchange): boolean {
  if (target !== undefined) return target.accessLog;
  return route === undefined || route.targets.some(({ accessLog }) => accessLog);
}

const nextRelayId = requestIds(Date.now);

function logRelay(sender: AccessLogSender, denials: DenialThrottle, end: RelayEnd): void {
  if (end.verdict !== "" && !denials.admit(end.service.id, end.verdict, performance.now())) return;
  if (sender.admit()) sender.send(relayRecord(end, nextRelayId(), Date.now()));
}
