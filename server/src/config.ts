import { Resolver } from "node:dns";
import { readFileSync } from "node:fs";
import { isIPv4, isIPv6 } from "node:net";
import { join } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { DEFAULT_PORT_RANGE, type PortRange } from "./domain/listen-port.ts";
import { parseKeys } from "./secrets/key-text.ts";

export const ENCRYPTION_KEY_VARIABLE = "NB_SERVER_ENCRYPTION_KEY";

import type { ExternalProvider } from "./identity/identity.ts";

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
  /** The keys in base64, one per line, or the file that holds them. */
  encryptionKey: { value: string } | { file: string };
  /** Absent: cleartext, for a TLS terminator in front or for loopback. */
  tls?: { certFile: string; keyFile: string };
  setupTokenEnabled: boolean;
  /** The dashboard is served, where it was built. */
  dashboardEnabled: boolean;
  /** `address[:port]`; empty: those of the system. */
  dnsServers: string[];
  portRange: PortRange;
  /** The server as browsers see it, without a path; undefined: the address that it listens on. */
  publicUrl: string | undefined;
  /** Undefined: people sign in at the embedded identity provider. */
  identityProvider: ExternalProvider | undefined;
  /** Addresses and CIDRs of proxies in front whose X-Forwarded-For is believed. */
  trustedProxies: string[];
  /** Undefined: a personal access token may ask as often as it likes. */
  tokenRateLimit: { perMinute: number; burst: number } | undefined;
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
    dashboardEnabled: readDashboard(env, problems),
    dnsServers: readDnsServers(env, problems),
    portRange: readPortRange(env),
    publicUrl: readPublicUrl(env, problems),
    identityProvider: readIdentityProvider(env, problems),
    trustedProxies: readTrustedProxies(env, problems),
    tokenRateLimit: readTokenRateLimit(env, problems),
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

function readDashboard(env: NodeJS.ProcessEnv, problems: string[]): boolean {
  const text = env.NB_SERVER_DASHBOARD_ENABLED || "true";
  if (text !== "true" && text !== "false") {
    problems.push(`NB_SERVER_DASHBOARD_ENABLED: ${JSON.stringify(text)} is neither true nor false`);
  }
  return text === "true";
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
  // An environment file has no room for several lines.
  const value = env[ENCRYPTION_KEY_VARIABLE]?.replaceAll(/[\s,]+/g, "\n");
  if (!value) return { file: env.NB_SERVER_ENCRYPTION_KEY_FILE || join(stateDir, "encryption.key") };
  if (env.NB_SERVER_ENCRYPTION_KEY_FILE) {
    problems.push("NB_SERVER_ENCRYPTION_KEY: set either this or NB_SERVER_ENCRYPTION_KEY_FILE");
  }
  try {
    parseKeys(value, ENCRYPTION_KEY_VARIABLE);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    problems.push(
      "NB_SERVER_ENCRYPTION_KEY: not 32 bytes in base64 (openssl rand -base64 32), or several of that separated by commas",
    );
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

function readPublicUrl(env: NodeJS.ProcessEnv, problems: string[]): string | undefined {
  const text = env.NB_SERVER_PUBLIC_URL;
  if (!text) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url.origin;
  problems.push(
    `NB_SERVER_PUBLIC_URL: ${JSON.stringify(text)} is no address without a path such as https://netbird.example.com`,
  );
  return undefined;
}

/** Some settings of a provider without the others would silently leave the embedded one in place. */
function readIdentityProvider(env: NodeJS.ProcessEnv, problems: string[]): ExternalProvider | undefined {
  const issuer = env.NB_SERVER_OIDC_ISSUER;
  const clientId = env.NB_SERVER_OIDC_CLIENT_ID;
  const others = Object.keys(env).filter((name) => name.startsWith("NB_SERVER_OIDC_") && env[name]);
  if (others.length === 0) return undefined;
  if (!issuer) problems.push(`NB_SERVER_OIDC_ISSUER: missing, but ${others.sort()[0]} is set`);
  if (!clientId) problems.push("NB_SERVER_OIDC_CLIENT_ID: missing, but an identity provider is configured");
  const url = issuer && URL.canParse(issuer) ? new URL(issuer) : undefined;
  const loopback = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (issuer && url?.protocol !== "https:" && !(url?.protocol === "http:" && loopback)) {
    problems.push(`NB_SERVER_OIDC_ISSUER: ${JSON.stringify(issuer)} is no https URL`);
  }
  const clientSecret = readClientSecret(env, problems);
  if (!issuer || !clientId) return undefined;
  const audiences = (env.NB_SERVER_OIDC_AUDIENCE || clientId)
    .split(",")
    .map((audience) => audience.trim())
    .filter((audience) => audience !== "");
  return {
    issuer,
    clientId,
    clientSecret,
    audiences,
    userIdClaim: env.NB_SERVER_OIDC_USER_ID_CLAIM || "sub",
    scopes: env.NB_SERVER_OIDC_SCOPES || "openid profile email",
  };
}

function readClientSecret(env: NodeJS.ProcessEnv, problems: string[]): string | undefined {
  const file = env.NB_SERVER_OIDC_CLIENT_SECRET_FILE;
  if (!file) return env.NB_SERVER_OIDC_CLIENT_SECRET || undefined;
  if (env.NB_SERVER_OIDC_CLIENT_SECRET) {
    problems.push("NB_SERVER_OIDC_CLIENT_SECRET: set either this or NB_SERVER_OIDC_CLIENT_SECRET_FILE");
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    problems.push(`NB_SERVER_OIDC_CLIENT_SECRET_FILE: ${(error as Error).message}`);
    return undefined;
  }
}

function readTrustedProxies(env: NodeJS.ProcessEnv, problems: string[]): string[] {
  const entries = (env.NB_SERVER_TRUSTED_PROXIES ?? "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  for (const entry of entries) {
    const [address = "", prefix, ...rest] = entry.split("/");
    const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0;
    const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (bits > 0 && length >= 0 && length <= bits && rest.length === 0) continue;
    problems.push(`NB_SERVER_TRUSTED_PROXIES: ${JSON.stringify(entry)} is no IP address or CIDR`);
  }
  return entries;
}

/** Names and defaults: reference §1.7. */
function readTokenRateLimit(env: NodeJS.ProcessEnv, problems: string[]): ServerConfig["tokenRateLimit"] {
  if (env.NB_API_RATE_LIMITING_ENABLED !== "true") return undefined;
  const read = (name: string, byDefault: number) => {
    const text = env[name] || String(byDefault);
    if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
    problems.push(`${name}: ${JSON.stringify(text)} is no whole number above 0`);
    return byDefault;
  };
  return { perMinute: read("NB_API_RATE_LIMITING_RPM", 6), burst: read("NB_API_RATE_LIMITING_BURST", 500) };
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
