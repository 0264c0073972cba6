import { tmpdir } from "node:os";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "off";

/** Everything the process takes from its environment. */
export interface ProviderEnvironment {
  /** Absent when a user started the file by hand. */
  readonly magicCookie: string | undefined;
  /** Protocol versions the host speaks, highest first; empty when it did not say. */
  readonly protocolVersions: readonly number[];
  /** PEM; present when the host wants mutual TLS. */
  readonly clientCertificatePem: string | undefined;
  /** Undefined where the host cannot use Unix sockets. */
  readonly socketFolder: string | undefined;
  /** Ports for hosts without Unix sockets. */
  readonly ports: { readonly first: number; readonly last: number };
  readonly logLevel: LogLevel;
  /** Fallbacks for the provider block. */
  readonly managementUrl: string | undefined;
  readonly token: string | undefined;
  readonly proxy: {
    readonly http: string | undefined;
    readonly https: string | undefined;
    readonly except: string;
  };
}

export function readEnvironment(env: NodeJS.ProcessEnv): ProviderEnvironment {
  const present = (...names: string[]) => names.map((name) => env[name]).find((value) => value);
  return {
    magicCookie: present("TF_PLUGIN_MAGIC_COOKIE"),
    protocolVersions: (env.PLUGIN_PROTOCOL_VERSIONS ?? "")
      .split(",")
      .map((version) => Number.parseInt(version, 10))
      .filter((version) => Number.isInteger(version))
      .sort((a, b) => b - a),
    clientCertificatePem: present("PLUGIN_CLIENT_CERT"),
    socketFolder: process.platform === "win32" ? undefined : (present("PLUGIN_UNIX_SOCKET_DIR") ?? tmpdir()),
    ports: {
      first: Number.parseInt(env.PLUGIN_MIN_PORT ?? "", 10) || 10_000,
      last: Number.parseInt(env.PLUGIN_MAX_PORT ?? "", 10) || 25_000,
    },
    logLevel: logLevel(present("TF_LOG_PROVIDER_NETBIRD", "TF_LOG_PROVIDER", "TF_LOG")),
    managementUrl: present("NB_MANAGEMENT_URL"),
    token: present("NB_PAT"),
    proxy: {
      http: present("HTTP_PROXY", "http_proxy"),
      https: present("HTTPS_PROXY", "https_proxy"),
      except: present("NO_PROXY", "no_proxy") ?? "",
    },
  };
}

function logLevel(value: string | undefined): LogLevel {
  const level = value?.toLowerCase();
  if (level === undefined || level === "off") return "off";
  if (level === "debug" || level === "info" || level === "warn" || level === "error") return level;
  // As Terraform does: "json" and anything it does not know mean everything.
  return "trace";
}

/** Set when the program is built. */
export const version = process.env.NETBIRD_PROXY_VERSION ?? "0.0.0-dev";
