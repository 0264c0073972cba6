import { existsSync, readFileSync, unwatchFile, watchFile } from "node:fs";
import type { Server as HttpServer } from "node:http";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Server as GrpcServer } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { Logger } from "pino";
import { openContext } from "./cli/open-context.ts";
import type { ServerConfig } from "./config.ts";
import { createChallengeDns } from "./dns/challenge/challenge-dns.ts";
import { createDnsLookup } from "./dns/dns-lookup.ts";
import { openCountries } from "./geo/open-countries.ts";
import { createGrpcServer } from "./grpc/index.ts";
import { buildHttpApp } from "./http/build-http-app.ts";
import { createIdentity } from "./identity/identity.ts";
import { every } from "./jobs/every.ts";
import { recheckDomains } from "./jobs/recheck-domains.ts";
import { removeChallengeRecords } from "./jobs/remove-challenge-records.ts";
import { reportKeys } from "./jobs/report-keys.ts";
import { rotateSessionKeys } from "./jobs/rotate-session-keys.ts";
import { trimAccessLogs } from "./jobs/trim-access-logs.ts";
import { trimAuditEvents } from "./jobs/trim-audit-events.ts";
import { listenOnOnePort, type OnePort } from "./net/listen-on-one-port.ts";
import { createChallengeProbe } from "./net/probe-challenge.ts";
import { startReconciler } from "./reconcile/index.ts";
import { createHashGate } from "./secrets/hash-gate.ts";
import { deleteUnusedWildcards } from "./store/wildcard-certificates.ts";

const ROTATE_EVERY_MS = 60_000;
const RECHECK_EVERY_MS = 30_000;
const TRIM_EVERY_MS = 15 * 60_000;
const TIDY_EVERY_MS = 15_000;
const CERTIFICATE_POLL_MS = 10_000;

export interface RunningApp {
  readonly address: { address: string; port: number };
  /** Ends streams and requests, then the database. */
  close(): Promise<void>;
}

/**
 * Puts the server together: database, REST, gRPC, background jobs, one port.
 * @throws AppError `storage.unreadable`, `storage.full`, `server.address_unavailable`, `server.certificate_unusable`
 */
export async function startApp(config: ServerConfig, log: Logger): Promise<RunningApp> {
  const context = await openContext(config);
  const { store } = context;
  const undo: (() => Promise<void>)[] = [() => store.close()];
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const reconciler = await startReconciler({ context, log });
    undo.push(() => reconciler.close());
    const dns = createDnsLookup(config.dnsServers);
    let port: OnePort | undefined;
    // With no address of its own given, the server is where it listens: for one machine and for tests.
    const publicUrl = () =>
      config.publicUrl ?? `${config.tls ? "https" : "http"}://${ownAddress(config, port)}`;
    const identity = createIdentity({
      store,
      nowMs: context.nowMs,
      publicUrl,
      dashboardOrigins: config.corsOrigins,
      external: config.identityProvider,
    });
    const hashGate = createHashGate({ running: 4, waiting: 100 });
    const http = await buildHttpApp({
      context,
      identity,
      hashGate,
      tokenRateLimit: config.tokenRateLimit,
      trustedProxies: config.trustedProxies,
      dns,
      probe: createChallengeProbe(),
      log,
      version: config.version,
      setupTokenEnabled: config.setupTokenEnabled,
      dashboardFolder: config.dashboardEnabled ? builtDashboard() : undefined,
      browsers: { tls: config.tls !== undefined, corsOrigins: config.corsOrigins },
    });
    undo.push(() => http.close());
    const countries = await openCountries(config.geoDatabase, log);
    undo.push(async () => countries.close());
    const challengeDns = createChallengeDns(store.secrets, config.dnsServers);
    const { countryOf } = countries;
    const grpc = createGrpcServer({ context, identity, reconciler, log, challengeDns, countryOf });
    undo.push(async () => port?.close());
    // Streams end first, telling their clients to come back; only then the port is closed.
    undo.push(() => grpc.close());
    port = await listen(config, { grpcServer: grpc.server, httpServer: http.server });
    const label = `${hostname()} ${port.address.address}:${port.address.port} (process ${process.pid})`;
    undo.push(reportKeys(context, label, log));
    undo.push(watchCertificate(config, port, log));
    undo.push(every(ROTATE_EVERY_MS, "rotate-session-keys", () => rotateSessionKeys(context), log));
    undo.push(every(RECHECK_EVERY_MS, "recheck-domains", () => recheckDomains(context, dns), log));
    const trim = async () => {
      const deleted = await trimAccessLogs(context, config);
      if (deleted > 0) log.info({ deleted }, "old access logs deleted");
    };
    undo.push(every(TRIM_EVERY_MS, "trim-access-logs", trim, log));
    const tidy = () => removeChallengeRecords(context, challengeDns, log);
    undo.push(every(TIDY_EVERY_MS, "remove-challenge-records", tidy, log));
    const destroy = async () => void (await deleteUnusedWildcards(store.db));
    undo.push(every(TIDY_EVERY_MS, "delete-unused-wildcards", destroy, log));
    const trimAudit = async () => {
      const deleted = await trimAuditEvents(context, config.auditRetentionDays);
      if (deleted > 0) log.info({ deleted }, "old audit events deleted");
    };
    undo.push(every(TRIM_EVERY_MS, "trim-audit-events", trimAudit, log));
    return { address: { address: port.address.address, port: port.address.port }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Beside the server's folder, where the build puts it, whether the server runs from sources or from its bundle. */
function builtDashboard(): string | undefined {
  const folder = fileURLToPath(new URL("../../dashboard/dist", import.meta.url));
  return existsSync(join(folder, "index.html")) ? folder : undefined;
}

function ownAddress({ host, port: wanted }: ServerConfig, port: OnePort | undefined): string {
  const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `${name}:${port?.address.port ?? wanted}`;
}

async function listen(
  config: ServerConfig,
  servers: { grpcServer: GrpcServer; httpServer: HttpServer },
): Promise<OnePort> {
  const { host, port } = config;
  const tls = config.tls && readCertificate(config.tls);
  try {
    return await listenOnOnePort({ host, port, tls, ...servers });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && addressProblems.has(code)) {
      throw new AppError("server.address_unavailable", `cannot listen on ${host}:${port}: ${message}`, {
        cause: error,
      });
    }
    if (config.tls) {
      const { certFile, keyFile } = config.tls;
      throw new AppError(
        "server.certificate_unusable",
        `the certificate ${certFile} with the key ${keyFile} cannot be used: ${message}`,
        { cause: error },
      );
    }
    throw error;
  }
}

const addressProblems = new Set(["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "ENOTFOUND", "EAI_AGAIN"]);

function readCertificate({ certFile, keyFile }: NonNullable<ServerConfig["tls"]>) {
  try {
    return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  } catch (error) {
    throw new AppError("server.certificate_unusable", (error as Error).message, { cause: error });
  }
}

/** New connections get a renewed certificate without a restart; one that does not fit is logged and left out. */
function watchCertificate({ tls }: ServerConfig, port: OnePort, log: Logger): () => Promise<void> {
  if (!tls) return async () => {};
  const reload = () => {
    try {
      port.replaceTls(readCertificate(tls));
      log.info({ certFile: tls.certFile }, "certificate replaced");
    } catch (error) {
      log.error({ err: error, certFile: tls.certFile }, "new certificate cannot be used; the old one stays");
    }
  };
  for (const file of [tls.certFile, tls.keyFile]) watchFile(file, { interval: CERTIFICATE_POLL_MS }, reload);
  return async () => {
    for (const file of [tls.certFile, tls.keyFile]) unwatchFile(file, reload);
  };
}
