import { Resolver } from "node:dns";
import { join } from "node:path";
import { DEFAULT_PORT_RANGE, type PortRange } from "./domain/listen-port.ts";

/** Set by the build; a server that runs from its sources has no version. */
const VERSION = process.env.NETBIRD_PROXY_VERSION ?? "0.0.0-dev";

const logLevels = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface ServerConfig {
  version: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** A SQLite file, or the URL of a PostgreSQL database. */
  database: string;
  /** The key in base64, or the file that holds it. */
  encryptionKey: { value: string } | { file: string };
  /** Absent: cleartext, for a TLS terminator in front or for loopback. */
  tls?: { certFile: string; keyFile: string };
  setupTokenEnabled: boolean;
  /** `address[:port]`; empty: those of the system. */
  dnsServers: string[];
  portRange: PortRange;
  /** Origins of web pages that may call the API; empty: none. */
  corsOrigins: string[];
  /** Negative keeps access logs for ever. */
  accessLogRetentionDays: number;
  /** Of all accounts together; beyond it the oldest go. 0: any number. */
  accessLogMaxEntries: number;
  auditEventsEnabled: boolean;
  /** 0 keeps audit events for ever. */
  auditRetentionDays: number;
  /** A country database in MaxMind's format; undefined: the embedded one. */
  geoDatabase: string | undefined;
  logLevel: LogLevel;
}

export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`invalid configuration:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Every variable is listed in docs/configuration.md.
 * @throws {ConfigError} naming every bad variable, not only the first
 */
export function readConfig(env: NodeJS.ProcessEnv): ServerConfig {
  const problems: string[] = [];
  const stateDir = env.NB_SERVER_STATE_DIR || "/var/lib/netbird-server";
  const { host, port } = readAddress(env, problems);
  const config: ServerConfig = {
    version: VERSION,
    host,
    port,
    database: readDatabase(env, stateDir, problems),
    encryptionKey: readEncryptionKey(env, stateDir, problems),
    tls: readTls(env, problems),
    setupTokenEnabled: env.NB_SETUP_PAT_ENABLED === "true",
    dnsServers: readDnsServers(env, problems),
    portRange: readPortRange(env),
    corsOrigins: readCorsOrigins(env, problems),
    accessLogRetentionDays: readRetention(env, problems),
    accessLogMaxEntries: readMaxEntries(env, problems),
    // As in NetBird, anything but "true" switches them off.
    auditEventsEnabled: (env.NB_EVENT_ACTIVITY_LOG_ENABLED || "true") === "true",
    auditRetentionDays: readAuditRetention(env, problems),
    geoDatabase: env.NB_SERVER_GEO_DATABASE || undefined,
    logLevel: readLogLevel(env, problems),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function readAddress(env: NodeJS.ProcessEnv, problems: string[]): { host: string; port: number } {
  const text = env.NB_SERVER_ADDRESS || "127.0.0.1:33073";
  // host:port, :port and [v6]:port
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    problems.push(`NB_SERVER_ADDRESS: ${JSON.stringify(text)} is not host:port`);
    return { host: "", port: 0 };
  }
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

function readDatabase(env: NodeJS.ProcessEnv, stateDir: string, problems: string[]): string {
  const database = env.NB_SERVER_DATABASE || join(stateDir, "server.db");
  const [, scheme] = /^([a-z]+):\/\//i.exec(database) ?? [];
  if (scheme === undefined) return database;
  // The value may hold a password, so it is not repeated.
  if (!/^postgres(ql)?$/i.test(scheme)) {
    problems.push(
      `NB_SERVER_DATABASE: ${scheme}:// is neither a file nor postgres://user:password@host/name`,
    );
  } else if (!URL.canParse(database) || new URL(database).pathname.length < 2) {
    problems.push("NB_SERVER_DATABASE: not postgres://user:password@host:port/name");
  }
  return database;
}

function readEncryptionKey(
  env: NodeJS.ProcessEnv,
  stateDir: string,
  problems: string[],
): ServerConfig["encryptionKey"] {
  const value = env.NB_SERVER_ENCRYPTION_KEY;
  if (!value) return { file: env.NB_SERVER_ENCRYPTION_KEY_FILE || join(stateDir, "encryption.key") };
  if (env.NB_SERVER_ENCRYPTION_KEY_FILE) {
    problems.push("NB_SERVER_ENCRYPTION_KEY: set either this or NB_SERVER_ENCRYPTION_KEY_FILE");
  }
  if (Buffer.from(value, "base64").byteLength !== 32) {
    problems.push("NB_SERVER_ENCRYPTION_KEY: not 32 bytes in base64 (openssl rand -base64 32)");
  }
  return { value };
}

function readTls(env: NodeJS.ProcessEnv, problems: string[]): ServerConfig["tls"] {
  const { NB_SERVER_TLS_CERT_FILE: certFile, NB_SERVER_TLS_KEY_FILE: keyFile } = env;
  if (certFile && keyFile) return { certFile, keyFile };
  if (certFile) problems.push("NB_SERVER_TLS_KEY_FILE: missing, but NB_SERVER_TLS_CERT_FILE is set");
  if (keyFile) problems.push("NB_SERVER_TLS_CERT_FILE: missing, but NB_SERVER_TLS_KEY_FILE is set");
  return undefined;
}

function readDnsServers(env: NodeJS.ProcessEnv, problems: string[]): string[] {
  const servers = (env.NB_DNS_SERVERS ?? "")
    .split(",")
    .map((server) => server.trim())
    .filter((server) => server !== "");
  for (const server of servers) {
    try {
      new Resolver().setServers([server]);
    } catch {
      problems.push(`NB_DNS_SERVERS: ${JSON.stringify(server)} is no IP address or address:port`);
    }
  }
  return servers;
}

/** `*` is refused: whoever names no origin gets none, and a token in a page belongs to one. */
function readCorsOrigins(env: NodeJS.ProcessEnv, problems: string[]): string[] {
  const origins = (env.NB_SERVER_CORS_ORIGINS ?? "")
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
  for (const origin of origins) {
    if (URL.canParse(origin) && new URL(origin).origin === origin) continue;
    problems.push(
      `NB_SERVER_CORS_ORIGINS: ${JSON.stringify(origin)} is no origin such as https://dashboard.example.com`,
    );
  }
  return origins;
}

/** As in NetBird, a range that makes no sense is the default one. */
function readPortRange(env: NodeJS.ProcessEnv): PortRange {
  const first = Number(env.NB_PROXY_PORT_MIN || DEFAULT_PORT_RANGE.first);
  const last = Number(env.NB_PROXY_PORT_MAX || DEFAULT_PORT_RANGE.last);
  const fits = (port: number) => Number.isInteger(port) && port >= 1 && port <= 65_535;
  return fits(first) && fits(last) && first <= last ? { first, last } : DEFAULT_PORT_RANGE;
}

function readRetention(env: NodeJS.ProcessEnv, problems: string[]): number {
  const text = env.NB_SERVER_ACCESS_LOG_RETENTION_DAYS || "7";
  const days = Number(text);
  if (Number.isInteger(days)) return days === 0 ? 7 : days;
  problems.push(`NB_SERVER_ACCESS_LOG_RETENTION_DAYS: ${JSON.stringify(text)} is no whole number`);
  return 7;
}

function readMaxEntries(env: NodeJS.ProcessEnv, problems: string[]): number {
  const text = env.NB_SERVER_ACCESS_LOG_MAX_ENTRIES || "10000000";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  problems.push(`NB_SERVER_ACCESS_LOG_MAX_ENTRIES: ${JSON.stringify(text)} is no whole number`);
  return 0;
}

function readAuditRetention(env: NodeJS.ProcessEnv, problems: string[]): number {
  const text = env.NB_SERVER_AUDIT_RETENTION_DAYS || "0";
  const days = Number(text);
  if (Number.isInteger(days)) return Math.max(days, 0);
  problems.push(`NB_SERVER_AUDIT_RETENTION_DAYS: ${JSON.stringify(text)} is no whole number`);
  return 0;
}

function readLogLevel(env: NodeJS.ProcessEnv, problems: string[]): LogLevel {
  const level = (env.NB_LOG_LEVEL || "info") as LogLevel;
  if (logLevels.includes(level)) return level;
  problems.push(`NB_LOG_LEVEL: ${JSON.stringify(level)} is none of ${logLevels.join(", ")}`);
  return "info";
}
