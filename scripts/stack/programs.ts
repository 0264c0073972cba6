import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Child } from "./child.ts";

/** The root of the repository. */
export const repository = join(fileURLToPath(new URL(".", import.meta.url)), "..", "..");

const program = (name: string) => join(repository, name, "dist", "main.js");

export interface ServerOptions {
  port: number;
  stateDir: string;
  logFile: string;
  env?: Record<string, string>;
}

export function startServer({ port, stateDir, logFile, env = {} }: ServerOptions): Child {
  return new Child({
    name: "management server",
    args: ["--enable-source-maps", program("server")],
    logFile,
    env: {
      NB_SERVER_ADDRESS: `127.0.0.1:${port}`,
      NB_SERVER_STATE_DIR: stateDir,
      NB_SETUP_PAT_ENABLED: "true",
      ...env,
    },
  });
}

export interface ProxyOptions {
  /** Cluster address, such as `proxy.localhost`. */
  domain: string;
  managementUrl: string;
  token: string;
  httpsPort: number;
  healthPort: number;
  wireguardPort: number;
  stateDir: string;
  /** Holds `tls.crt` and `tls.key`. */
  certificateDir: string;
  logFile: string;
  env?: Record<string, string>;
}

export function startProxy(options: ProxyOptions): Child {
  return new Child({
    name: "proxy",
    args: ["--enable-source-maps", program("proxy")],
    logFile: options.logFile,
    env: {
      NB_PROXY_DOMAIN: options.domain,
      NB_PROXY_TOKEN: options.token,
      NB_PROXY_MANAGEMENT_ADDRESS: options.managementUrl,
      NB_PROXY_ALLOW_INSECURE: "true",
      NB_PROXY_ADDRESS: `127.0.0.1:${options.httpsPort}`,
      NB_PROXY_PUBLIC_PORT: String(options.httpsPort),
      NB_PROXY_HEALTH_ADDRESS: `127.0.0.1:${options.healthPort}`,
      NB_PROXY_WG_PORT: String(options.wireguardPort),
      NB_PROXY_WG_ENDPOINT: `127.0.0.1:${options.wireguardPort}`,
      NB_PROXY_STATE_DIR: options.stateDir,
      NB_PROXY_CERTIFICATE_DIRECTORY: options.certificateDir,
      ...options.env,
    },
  });
}

export interface AgentOptions {
  name: string;
  managementUrl: string;
  /** Needed for the first start only. */
  setupKey?: string;
  stateDir: string;
  logFile: string;
  env?: Record<string, string>;
}

export function startAgent({
  name,
  managementUrl,
  setupKey,
  stateDir,
  logFile,
  env = {},
}: AgentOptions): Child {
  return new Child({
    name: "agent",
    args: ["--enable-source-maps", program("agent"), "up"],
    logFile,
    env: {
      NB_MANAGEMENT_URL: managementUrl,
      NB_HOSTNAME: name,
      NB_STATE_DIR: stateDir,
      ...(setupKey ? { NB_SETUP_KEY: setupKey } : {}),
      ...env,
    },
  });
}
