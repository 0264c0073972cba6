import { BlockList, isIP } from "node:net";
import { hostname } from "node:os";
import { isAbsolute, join } from "node:path";
import { parseCidr } from "./access/cidr.ts";

/** Everything the process takes from its environment, with units. Nothing else reads `process.env`. */
export interface ProxyConfig {
  token: string;
  /** Cluster address announced to management; lower case. */
  domain: string;
  management: { host: string; port: number; tls: boolean };
  listen: ListenAddress;
  /** The port visitors use, for the URL of a service; the listening port unless something in front maps it. */
  publicPort: number;
  /** Plain-HTTP listener that redirects to https; undefined: none. */
  redirectListen: ListenAddress | undefined;
  health: ListenAddress | undefined;
  logLevel: LogLevel;
  certificate: { certFile: string; keyFile: string };
  wildcardDirectory: string | undefined;
  /** Certificates are ordered for names that no file covers; undefined: none are. */
  acme: AcmeConfig | undefined;
  forwardedProto: "auto" | "http" | "https";
  /** Peers whose forwarding headers and PROXY headers are believed; undefined: nobody. */
  trustedProxies: BlockList | undefined;
  proxyProtocol: boolean;
  wireguard: { port: number; endpoint: string };
  stateDirectory: string;
  /** Where country databases may be; undefined: countries are not looked up at all. */
  countryFolder: string | undefined;
  /** Where decisions on addresses come from; undefined: services that enforce them refuse everybody. */
  crowdsec: { url: string; key: string } | undefined;
  /** `private`: peers may come in over the overlay. */
  capabilities: { customPorts: boolean; requireSubdomain: boolean; private: boolean };
  limits: {
    /** Cap for, and default of, a target's own limit; milliseconds. */
    maxDialTimeoutMs: number | undefined;
    maxSessionIdleTimeoutMs: number | undefined;
    maxIdleConnectionsPerHost: number;
    idleConnectionTimeoutMs: number;
    upstreamTlsHandshakeTimeoutMs: number;
    /** 0: none. */
    responseHeaderTimeoutMs: number;
    /** Requests in flight per account and upstream host:port; 0: unlimited. */
    maxInFlight: number;
    maxHeaderBytes: number;
    /** Access log records sent to management per second, the rest is counted and dropped; 0: none are sent. */
    accessLogsPerSecond: number;
  };
  shutdown: { delayMs: number; drainMs: number };
}

export interface AcmeConfig {
  directoryUrl: string;
  challenge: "tls-alpn-01" | "http-01" | "dns-01";
  eab: { kid: string; hmacKey: string } | undefined;
  /** PEM file of authorities to trust when talking to the directory. */
  caFile: string | undefined;
  maxOrders: number;
  /** Certificates and account key of this proxy. */
  folder: string;
  /** Encrypts what is shared with the cluster; undefined: the server can read it. */
  clusterSecret: string | undefined;
}

export interface ListenAddress {
  /** Undefined: every address of the machine. */
  host: string | undefined;
  port: number;
}

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One variable: what docs/configuration-proxy.md says about it. A test holds the two together. */
interface Variable {
  default: string;
  meaning: string;
}

/** Every variable the proxy reads, in the order of docs/configuration-proxy.md. */
export const variables = {
  NB_PROXY_TOKEN: { default: "(required)", meaning: "access token of the proxy, `nbx_...`" },
  NB_PROXY_DOMAIN: {
    default: "(required)",
    meaning: "cluster address announced to management; proxies with the same value form a cluster",
  },
  NB_PROXY_MANAGEMENT_ADDRESS: {
    default: "`https://api.netbird.io:443`",
    meaning: "management server; `https` means TLS, `http` needs NB_PROXY_ALLOW_INSECURE",
  },
  NB_PROXY_ALLOW_INSECURE: { default: "`false`", meaning: "send the token to management without TLS" },
  NB_PROXY_ADDRESS: { default: "`:443`", meaning: "main listener (TLS)" },
  NB_PROXY_PUBLIC_PORT: {
    default: "port of NB_PROXY_ADDRESS",
    meaning: "port under which visitors reach the main listener",
  },
  NB_PROXY_HTTP_ADDRESS: { default: "(none)", meaning: "plain-HTTP listener that redirects to https" },
  NB_PROXY_HEALTH_ADDRESS: {
    default: "`localhost:8080`",
    meaning: "health checks and metrics; set to nothing to turn off",
  },
  NB_PROXY_LOG_LEVEL: {
    default: "`info`",
    meaning: "`trace`, `debug`, `info`, `warn`, `error` or `fatal` (also `panic`)",
  },
  NB_PROXY_DEBUG_LOGS: { default: "`false`", meaning: "old spelling of `NB_PROXY_LOG_LEVEL=debug`" },
  NB_PROXY_CERTIFICATE_DIRECTORY: { default: "`./certs`", meaning: "folder of the static certificate" },
  NB_PROXY_CERTIFICATE_FILE: {
    default: "`tls.crt`",
    meaning: "PEM chain, leaf first, inside that folder",
  },
  NB_PROXY_CERTIFICATE_KEY_FILE: { default: "`tls.key`", meaning: "PEM private key inside that folder" },
  NB_PROXY_WILDCARD_CERT_DIR: {
    default: "(none)",
    meaning: "folder of further pairs, `name.crt` with `name.key`, chosen by server name",
  },
  NB_PROXY_ACME_CERTIFICATES: {
    default: "`false`",
    meaning: "order certificates for names that no file covers",
  },
  NB_PROXY_ACME_DIRECTORY: {
    default: "Let's Encrypt",
    meaning: "directory URL of the certificate authority",
  },
  NB_PROXY_ACME_CHALLENGE_TYPE: {
    default: "`tls-alpn-01`",
    meaning:
      "`tls-alpn-01` (answered on the main listener), `http-01` (answered on NB_PROXY_ACME_ADDRESS) or `dns-01`; names with DNS credentials on the server use dns-01 in any case",
  },
  NB_PROXY_ACME_ADDRESS: {
    default: "`:80`",
    meaning: "listener for http-01, which redirects everything else; NB_PROXY_HTTP_ADDRESS comes first",
  },
  NB_PROXY_ACME_EAB_KID: { default: "(none)", meaning: "external account binding: key id" },
  NB_PROXY_ACME_EAB_HMAC_KEY: { default: "(none)", meaning: "external account binding: key, base64url" },
  NB_PROXY_ACME_CA_FILE: {
    default: "(none)",
    meaning: "PEM file with further authorities to trust when talking to the directory",
  },
  NB_PROXY_ACME_MAX_ORDERS: { default: "`5`", meaning: "orders under way at the same time" },
  NB_PROXY_CLUSTER_SECRET: {
    default: "(none)",
    meaning:
      "the same 16 characters or more on every proxy of a cluster: encrypts shared certificates and keys before the server gets them",
  },
  NB_PROXY_FORWARDED_PROTO: {
    default: "`auto`",
    meaning: "X-Forwarded-Proto sent upstream: `auto`, `http` or `https`",
  },
  NB_PROXY_TRUSTED_PROXIES: {
    default: "(none)",
    meaning: "addresses and CIDRs whose forwarding headers are believed, separated by commas",
  },
  NB_PROXY_PROXY_PROTOCOL: {
    default: "`false`",
    meaning: "read PROXY protocol v1 and v2 on the TCP listeners",
  },
  NB_PROXY_WG_PORT: { default: "`51820`", meaning: "UDP port of the tunnel; 0 for any" },
  NB_PROXY_WG_ENDPOINT: {
    default: "`<NB_PROXY_DOMAIN>:<NB_PROXY_WG_PORT>`",
    meaning: "`host:port` where peers reach that port from outside",
  },
  NB_PROXY_STATE_DIR: {
    default: "`/var/lib/netbird-proxy`",
    meaning:
      "identity, tunnel keys and last known configuration; must survive restarts and belong to one proxy",
  },
  NB_PROXY_GEO_DATA_DIR: {
    default: "`/var/lib/netbird/geolocation`",
    meaning:
      "folder of country databases in MaxMind's format: the last `*.mmdb` by name is used, without one the embedded database; set to nothing, country rules deny",
  },
  NB_PROXY_DISABLE_GEOLOCATION: {
    default: "`false`",
    meaning: "look no countries up; country rules deny",
  },
  NB_PROXY_CROWDSEC_API_URL: {
    default: "(none)",
    meaning: "address of CrowdSec's local API, such as `http://127.0.0.1:8080`",
  },
  NB_PROXY_CROWDSEC_API_KEY: {
    default: "(none)",
    meaning: "key of this proxy there (`cscli bouncers add`), one for each proxy",
  },
  NB_PROXY_SUPPORTS_CUSTOM_PORTS: {
    default: "`true`",
    meaning: "tell management that TCP and UDP services may choose ports",
  },
  NB_PROXY_REQUIRE_SUBDOMAIN: {
    default: "`false`",
    meaning: "tell management that no service may use the bare cluster domain",
  },
  NB_PROXY_PRIVATE: {
    default: "`true`",
    meaning:
      "let peers of an account reach its services, private ones too, on the overlay addresses of this proxy",
  },
  NB_PROXY_MAX_DIAL_TIMEOUT: {
    default: "`0` (none)",
    meaning: "upper limit of a target's request_timeout for connecting, and its default",
  },
  NB_PROXY_MAX_SESSION_IDLE_TIMEOUT: {
    default: "`0` (none)",
    meaning: "upper limit of a target's session_idle_timeout",
  },
  NB_PROXY_MAX_IDLE_CONNS_PER_HOST: {
    default: "`100`",
    meaning: "idle upstream connections kept per target",
  },
  NB_PROXY_IDLE_CONN_TIMEOUT: { default: "`90s`", meaning: "how long an idle upstream connection is kept" },
  NB_PROXY_TLS_HANDSHAKE_TIMEOUT: { default: "`10s`", meaning: "limit of the TLS handshake with a target" },
  NB_PROXY_RESPONSE_HEADER_TIMEOUT: {
    default: "`0` (none)",
    meaning: "limit for the first response byte of targets without request_timeout",
  },
  NB_PROXY_MAX_INFLIGHT: {
    default: "`0` (unlimited)",
    meaning: "requests in flight per account and target; beyond it visitors get 503",
  },
  NB_PROXY_MAX_HEADER_BYTES: {
    default: "`65536`",
    meaning: "largest request header block accepted, in bytes",
  },
  NB_PROXY_ACCESS_LOG_RATE: {
    default: "`500`",
    meaning: "access log records sent to management per second; 0 sends none",
  },
  NB_PROXY_SHUTDOWN_DELAY: {
    default: "`0` (`5s` in Kubernetes)",
    meaning: "how long new connections are still accepted after SIGTERM, while readiness says no",
  },
  NB_PROXY_SHUTDOWN_TIMEOUT: {
    default: "`30s`",
    meaning: "how long requests under way may take to finish after that",
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof variables;

/** The environment does not make a usable configuration. */
export class ConfigError extends Error {
  /** One line per bad variable, each with what to do. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

class Reader {
  readonly problems: string[] = [];
  readonly #env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  raw(name: VariableName): string | undefined {
    return this.#env[name]?.trim();
  }

  required(name: VariableName, remedy: string): string {
    const value = this.raw(name);
    if (value) return value;
    this.problems.push(`${name} is missing: ${remedy}`);
    return "";
  }

  text(name: VariableName, fallback: string): string {
    return this.raw(name) || fallback;
  }

  bool(name: VariableName, fallback: boolean): boolean {
    const value = this.raw(name);
    if (!value) return fallback;
    if (/^(1|t|true)$/i.test(value)) return true;
    if (/^(0|f|false)$/i.test(value)) return false;
    this.problems.push(`${name} is ${JSON.stringify(value)}: use true or false`);
    return fallback;
  }

  integer(name: VariableName, fallback: number, min: number, max: number): number {
    const value = this.raw(name);
    if (!value) return fallback;
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.problems.push(`${name} is ${JSON.stringify(value)}: use a whole number from ${min} to ${max}`);
    return fallback;
  }

  durationMs(name: VariableName, fallbackMs: number): number {
    const value = this.raw(name);
    if (!value) return fallbackMs;
    const ms = parseDurationMs(value);
    if (ms !== undefined) return ms;
    this.problems.push(`${name} is ${JSON.stringify(value)}: use a duration such as 500ms, 30s or 2m`);
    return fallbackMs;
  }

  oneOf<T extends string>(name: VariableName, choices: readonly T[], fallback: T): T {
    const value = this.raw(name);
    if (!value) return fallback;
    const choice = choices.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    this.problems.push(`${name} is ${JSON.stringify(value)}: use one of ${choices.join(", ")}`);
    return fallback;
  }

  address(name: VariableName, fallback: string): ListenAddress {
    const value = this.raw(name) || fallback;
    const parsed = parseListenAddress(value);
    if (parsed !== undefined) return parsed;
    this.problems.push(`${name} is ${JSON.stringify(value)}: use host:port, or :port for every address`);
    return { host: undefined, port: 0 };
  }
}

const unitMs: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's duration syntax without a sign: `30s`, `1m30s`, `0`. @returns whole milliseconds */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    ms += Number(amount) * unitMs[unit!]!;
  }
  // A timer cannot wait longer than a signed 32-bit number of milliseconds.
  return ms <= 0x7fffffff ? Math.round(ms) : undefined;
}

/** `host:port`, `:port` or `[v6]:port`. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  if (match[1] !== undefined && isIP(match[1]) !== 6) return undefined;
  const host = match[1] ?? match[2] ?? "";
  return { host: host === "" ? undefined : host, port };
}

const domainPattern =
  /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

function readDomain(reader: Reader): string {
  const value = reader
    .required("NB_PROXY_DOMAIN", "set it to the domain under which services are published")
    .toLowerCase();
  if (value !== "" && isIP(value) === 0 && !domainPattern.test(value)) {
    reader.problems.push(
      `NB_PROXY_DOMAIN is ${JSON.stringify(value)}: use a domain such as proxy.example.com`,
    );
  }
  return value;
}

function readManagement(reader: Reader): ProxyConfig["management"] {
  const value = reader.text("NB_PROXY_MANAGEMENT_ADDRESS", "https://api.netbird.io:443");
  const insecure = reader.bool("NB_PROXY_ALLOW_INSECURE", false);
  let url: URL;
  try {
    url = new URL(value);
    if (url.protocol !== "https:" && url.protocol !== "http:") throw new Error("scheme");
    if (url.hostname === "") throw new Error("host");
  } catch {
    reader.problems.push(
      `NB_PROXY_MANAGEMENT_ADDRESS is ${JSON.stringify(value)}: use https://host:port, or http:// inside a trusted network`,
    );
    return { host: "", port: 443, tls: true };
  }
  const tls = url.protocol === "https:";
  if (!tls && !insecure) {
    reader.problems.push(
      "NB_PROXY_MANAGEMENT_ADDRESS has no TLS and would show the token to the network: use https://, or set NB_PROXY_ALLOW_INSECURE=true",
    );
  }
  // The URL class drops a port that is the scheme's default; a missing port means 443 for either scheme.
  const explicit = /^[a-z]+:\/\/[^/]*:(\d+)(?:[/?#]|$)/i.exec(value);
  return { host: url.hostname, port: explicit ? Number(explicit[1]) : 443, tls };
}

function readTrustedProxies(reader: Reader): BlockList | undefined {
  const value = reader.raw("NB_PROXY_TRUSTED_PROXIES");
  if (!value) return undefined;
  const list = new BlockList();
  for (const entry of value.split(",").map((part) => part.trim())) {
    if (entry === "") continue;
    const cidr = parseCidr(entry);
    if (cidr === undefined) {
      reader.problems.push(
        `NB_PROXY_TRUSTED_PROXIES contains ${JSON.stringify(entry)}: use addresses and CIDRs separated by commas`,
      );
      continue;
    }
    list.addSubnet(cidr.address, cidr.prefixLength, cidr.family);
  }
  return list;
}

const LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory";

function readAcme(reader: Reader, certificateDirectory: string): AcmeConfig | undefined {
  const enabled = reader.bool("NB_PROXY_ACME_CERTIFICATES", false);
  const directoryUrl = reader.text("NB_PROXY_ACME_DIRECTORY", LETS_ENCRYPT);
  if (!/^https?:\/\/[^/]/.test(directoryUrl) || !URL.canParse(directoryUrl)) {
    reader.problems.push(
      `NB_PROXY_ACME_DIRECTORY is ${JSON.stringify(directoryUrl)}: use the https:// address of an ACME directory`,
    );
  }
  const kid = reader.raw("NB_PROXY_ACME_EAB_KID");
  const hmacKey = reader.raw("NB_PROXY_ACME_EAB_HMAC_KEY");
  if (!kid !== !hmacKey) {
    reader.problems.push(
      `${kid ? "NB_PROXY_ACME_EAB_HMAC_KEY" : "NB_PROXY_ACME_EAB_KID"} is missing: external account binding needs both`,
    );
  }
  if (hmacKey && !/^[\w+/-]+=*$/.test(hmacKey)) {
    reader.problems.push("NB_PROXY_ACME_EAB_HMAC_KEY is not base64url: copy it as the authority shows it");
  }
  const clusterSecret = reader.raw("NB_PROXY_CLUSTER_SECRET") || undefined;
  if (clusterSecret !== undefined && clusterSecret.length < 16) {
    reader.problems.push("NB_PROXY_CLUSTER_SECRET is too short: use 16 random characters or more");
  }
  const acme: AcmeConfig = {
    directoryUrl,
    challenge: reader.oneOf(
      "NB_PROXY_ACME_CHALLENGE_TYPE",
      ["tls-alpn-01", "http-01", "dns-01"],
      "tls-alpn-01",
    ),
    eab: kid && hmacKey ? { kid, hmacKey } : undefined,
    caFile: reader.raw("NB_PROXY_ACME_CA_FILE") || undefined,
    maxOrders: reader.integer("NB_PROXY_ACME_MAX_ORDERS", 5, 1, 1000),
    folder: join(certificateDirectory, "acme"),
    clusterSecret,
  };
  return enabled ? acme : undefined;
}

const logLevelNames = [...logLevels, "panic", "warning"] as const;

function readLogLevel(reader: Reader): LogLevel {
  if (reader.bool("NB_PROXY_DEBUG_LOGS", false)) return "debug";
  const level = reader.oneOf("NB_PROXY_LOG_LEVEL", logLevelNames, "info");
  if (level === "panic") return "fatal";
  return level === "warning" ? "warn" : level;
}

/** Set but empty turns it off, as with NetBird's proxy. */
function readCountryFolder(reader: Reader): string | undefined {
  if (reader.bool("NB_PROXY_DISABLE_GEOLOCATION", false)) return undefined;
  return (reader.raw("NB_PROXY_GEO_DATA_DIR") ?? "/var/lib/netbird/geolocation") || undefined;
}

function readCrowdsec(reader: Reader): ProxyConfig["crowdsec"] {
  const url = reader.raw("NB_PROXY_CROWDSEC_API_URL");
  const key = reader.raw("NB_PROXY_CROWDSEC_API_KEY");
  if (!url && !key) return undefined;
  if (!url || !key) {
    reader.problems.push(
      `${url ? "NB_PROXY_CROWDSEC_API_KEY" : "NB_PROXY_CROWDSEC_API_URL"} is missing: CrowdSec's local API needs both`,
    );
    return undefined;
  }
  if (!/^https?:\/\/[^/?#]+[^?#]*$/.test(url) || !URL.canParse(url)) {
    reader.problems.push(
      `NB_PROXY_CROWDSEC_API_URL is ${JSON.stringify(url)}: use the http:// or https:// address of CrowdSec's local API`,
    );
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    reader.problems.push("NB_PROXY_CROWDSEC_API_KEY has spaces or other signs: copy it as cscli shows it");
  }
  return { url, key };
}

/**
 * Reads the whole configuration.
 *
 * @throws {ConfigError} naming every bad variable, not only the first
 */
export function readConfig(env: NodeJS.ProcessEnv): ProxyConfig {
  const reader = new Reader(env);
  const listen = reader.address("NB_PROXY_ADDRESS", ":443");
  const certificateDirectory = reader.text("NB_PROXY_CERTIFICATE_DIRECTORY", "./certs");
  const inDirectory = (file: string) => (isAbsolute(file) ? file : join(certificateDirectory, file));
  const acme = readAcme(reader, certificateDirectory);
  const acmeListen =
    acme?.challenge === "http-01" ? reader.address("NB_PROXY_ACME_ADDRESS", ":80") : undefined;
  const wireguardPort = reader.integer("NB_PROXY_WG_PORT", 51_820, 0, 65_535);
  const domain = readDomain(reader);
  const endpoint = reader.text("NB_PROXY_WG_ENDPOINT", `${domain || hostname()}:${wireguardPort}`);
  const parsedEndpoint = parseListenAddress(endpoint);
  if (parsedEndpoint?.host === undefined) {
    reader.problems.push(
      `NB_PROXY_WG_ENDPOINT is ${JSON.stringify(endpoint)}: use host:port as peers reach it`,
    );
  }
  // Set but empty turns the health listener off, as with NetBird's proxy.
  const healthOff = env.NB_PROXY_HEALTH_ADDRESS !== undefined && env.NB_PROXY_HEALTH_ADDRESS.trim() === "";
  const maxDialTimeoutMs = reader.durationMs("NB_PROXY_MAX_DIAL_TIMEOUT", 0);
  const maxSessionIdleTimeoutMs = reader.durationMs("NB_PROXY_MAX_SESSION_IDLE_TIMEOUT", 0);

  const config: ProxyConfig = {
    token: reader.required(
      "NB_PROXY_TOKEN",
      "make one with `token create` on the server, or in Terraform and the API",
    ),
    domain,
    management: readManagement(reader),
    listen,
    publicPort: reader.integer("NB_PROXY_PUBLIC_PORT", listen.port, 1, 65_535),
    redirectListen: reader.raw("NB_PROXY_HTTP_ADDRESS")
      ? reader.address("NB_PROXY_HTTP_ADDRESS", ":80")
      : acmeListen,
    health: healthOff ? undefined : reader.address("NB_PROXY_HEALTH_ADDRESS", "localhost:8080"),
    logLevel: readLogLevel(reader),
    certificate: {
      certFile: inDirectory(reader.text("NB_PROXY_CERTIFICATE_FILE", "tls.crt")),
      keyFile: inDirectory(reader.text("NB_PROXY_CERTIFICATE_KEY_FILE", "tls.key")),
    },
    wildcardDirectory: reader.raw("NB_PROXY_WILDCARD_CERT_DIR") || undefined,
    acme,
    forwardedProto: reader.oneOf("NB_PROXY_FORWARDED_PROTO", ["auto", "http", "https"], "auto"),
    trustedProxies: readTrustedProxies(reader),
    proxyProtocol: reader.bool("NB_PROXY_PROXY_PROTOCOL", false),
    wireguard: { port: wireguardPort, endpoint },
    stateDirectory: reader.text("NB_PROXY_STATE_DIR", "/var/lib/netbird-proxy"),
    countryFolder: readCountryFolder(reader),
    crowdsec: readCrowdsec(reader),
    capabilities: {
      customPorts: reader.bool("NB_PROXY_SUPPORTS_CUSTOM_PORTS", true),
      requireSubdomain: reader.bool("NB_PROXY_REQUIRE_SUBDOMAIN", false),
      private: reader.bool("NB_PROXY_PRIVATE", true),
    },
    limits: {
      maxDialTimeoutMs: maxDialTimeoutMs === 0 ? undefined : maxDialTimeoutMs,
      maxSessionIdleTimeoutMs: maxSessionIdleTimeoutMs === 0 ? undefined : maxSessionIdleTimeoutMs,
      maxIdleConnectionsPerHost: reader.integer("NB_PROXY_MAX_IDLE_CONNS_PER_HOST", 100, 0, 100_000),
      idleConnectionTimeoutMs: reader.durationMs("NB_PROXY_IDLE_CONN_TIMEOUT", 90_000),
      upstreamTlsHandshakeTimeoutMs: reader.durationMs("NB_PROXY_TLS_HANDSHAKE_TIMEOUT", 10_000),
      responseHeaderTimeoutMs: reader.durationMs("NB_PROXY_RESPONSE_HEADER_TIMEOUT", 0),
      maxInFlight: reader.integer("NB_PROXY_MAX_INFLIGHT", 0, 0, 1_000_000),
      maxHeaderBytes: reader.integer("NB_PROXY_MAX_HEADER_BYTES", 65_536, 1024, 16 * 1024 * 1024),
      accessLogsPerSecond: reader.integer("NB_PROXY_ACCESS_LOG_RATE", 500, 0, 1_000_000),
    },
    shutdown: {
      delayMs: reader.durationMs("NB_PROXY_SHUTDOWN_DELAY", env.KUBERNETES_SERVICE_HOST ? 5000 : 0),
      drainMs: reader.durationMs("NB_PROXY_SHUTDOWN_TIMEOUT", 30_000),
    },
  };
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return config;
}

/** Of this build. */
export const version = process.env.NETBIRD_PROXY_VERSION ?? "0.0.0-dev";
