import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

/** Set by the build; a run from the sources has none. */
export const version = process.env.NETBIRD_PROXY_VERSION ?? "0.0.0-dev";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Where the management server listens. Only scheme, host and port of the URL count. */
export interface ManagementAddress {
  /** As shown to people: scheme, host, port. */
  url: string;
  /** `host:port` for gRPC; IPv6 in brackets. */
  target: string;
  tls: boolean;
  loopback: boolean;
  /** PEM trusted in addition to the public roots; undefined for Node's own set (NODE_EXTRA_CA_CERTS included). */
  extraCa?: string;
}

export interface AgentConfig {
  management: ManagementAddress;
  /** Needed to join; an agent with an identity on disk does not read it. */
  setupKey?: string;
  /** Wished peer name. */
  name: string;
  stateDir: string;
  logLevel: LogLevel;
}

export type Command =
  | { kind: "up"; config: AgentConfig }
  | { kind: "status"; stateDir: string; json: boolean }
  | { kind: "down"; stateDir: string }
  | { kind: "version" }
  | { kind: "help" };

/** Names every bad flag and variable, not only the first, each with what to do. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export const helpText = `netbird agent: joins the overlay as a peer and serves local services through it. Needs no root.

Usage
  agent up --setup-key KEY --management-url URL [options]   join, then stay connected in the foreground
  agent status [--json] [--state-dir DIR]                   what the running agent knows; exit code 1 when none runs
  agent down [--state-dir DIR]                              stop the running agent
  agent version

Options of up (and the environment variable that does the same)
  --management-url URL   NB_MANAGEMENT_URL   https://host[:port]; http:// for loopback only
  --setup-key KEY        NB_SETUP_KEY        needed for the first start only
  --name NAME            NB_HOSTNAME         peer name, default this host's name
  --state-dir DIR        NB_STATE_DIR        identity and last known state, default ${shortHome(defaultStateDir(process.env))}
  --ca-file FILE         NB_CA_FILE          PEM file of a private CA to trust for the management server
  --log-level LEVEL      NB_LOG_LEVEL        ${logLevels.join(", ")}; default info
                         NB_ALLOW_INSECURE   "true" permits http:// to other hosts: the token crosses the network in the clear

Exit codes
  0  stopped by a signal or by "agent down"
  1  cannot run here: bad configuration, state folder, or no running agent (status, down)
  2  the server refused this peer: setup key unknown, expired, revoked or used up, or the peer was deleted
`;

/**
 * Reads the command line and the environment; a flag wins over its variable.
 *
 * @param argv without the program and the script
 * @throws {ConfigError} naming every bad flag and variable
 */
export function readCommand(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Command {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(argv);
  } catch (error) {
    throw new ConfigError([`${(error as Error).message.split(". ")[0]}. See "agent --help".`]);
  }
  const { values, positionals } = parsed;
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new ConfigError([`unexpected argument "${rest[0]}". See "agent --help".`]);
  const stateDir = resolve(values["state-dir"] || env.NB_STATE_DIR || defaultStateDir(env));
  switch (name) {
    case "up":
      return { kind: "up", config: readUp(values, env, stateDir) };
    case "status":
      return { kind: "status", stateDir, json: values.json ?? false };
    case "down":
      return { kind: "down", stateDir };
    case "version":
      return { kind: "version" };
    case "help":
      return { kind: "help" };
    default:
      throw new ConfigError([
        name === undefined
          ? 'no command given. Use "agent up", or see "agent --help".'
          : `unknown command "${name}". Use up, status, down or version.`,
      ]);
  }
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      "management-url": { type: "string" },
      "setup-key": { type: "string" },
      name: { type: "string" },
      "state-dir": { type: "string" },
      "ca-file": { type: "string" },
      "log-level": { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "v" },
    },
  });
}

function readUp(
  values: ReturnType<typeof parse>["values"],
  env: NodeJS.ProcessEnv,
  stateDir: string,
): AgentConfig {
  const problems: string[] = [];
  const extraCa = readCaFile(values["ca-file"] || env.NB_CA_FILE, problems);
  const management = readManagementUrl(values["management-url"] || env.NB_MANAGEMENT_URL, env, problems);
  const name = (values.name || env.NB_HOSTNAME || hostname() || "agent").trim();
  if (name.length > 253 || /[\u0000-\u001f\u007f]/.test(name))
    problems.push(
      "--name (NB_HOSTNAME): longer than 253 characters or with control characters; give a short name.",
    );
  const logLevel = (values["log-level"] || env.NB_LOG_LEVEL || "info").toLowerCase();
  if (!(logLevels as readonly string[]).includes(logLevel))
    problems.push(
      `--log-level (NB_LOG_LEVEL): "${logLevel}" is no level; use one of ${logLevels.join(", ")}.`,
    );
  const setupKey = (values["setup-key"] || env.NB_SETUP_KEY)?.trim();
  if (setupKey !== undefined && /\s/.test(setupKey))
    problems.push("--setup-key (NB_SETUP_KEY): contains white space; copy the key whole and alone.");
  if (problems.length > 0 || management === undefined) throw new ConfigError(problems);
  return {
    management: { ...management, extraCa },
    setupKey: setupKey || undefined,
    name,
    stateDir,
    logLevel: logLevel as LogLevel,
  };
}

function readManagementUrl(
  text: string | undefined,
  env: NodeJS.ProcessEnv,
  problems: string[],
): ManagementAddress | undefined {
  const flag = "--management-url (NB_MANAGEMENT_URL)";
  if (!text) {
    problems.push(`${flag}: missing; give the server's address such as https://netbird.example.com.`);
    return undefined;
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.hostname === "") {
    problems.push(
      `${flag}: "${text}" is no http:// or https:// URL; write https://host or https://host:port.`,
    );
    return undefined;
  }
  if (url.username !== "" || url.password !== "") {
    problems.push(`${flag}: must not contain a user or password; remove the part before "@".`);
    return undefined;
  }
  const tls = url.protocol === "https:";
  const loopback = isLoopback(url.hostname);
  if (!tls && !loopback && env.NB_ALLOW_INSECURE !== "true") {
    problems.push(
      `${flag}: http:// would send the agent's token to ${url.hostname} in the clear; ` +
        "use https://, or set NB_ALLOW_INSECURE=true on a network you trust.",
    );
    return undefined;
  }
  const port = url.port || (tls ? "443" : "80");
  return {
    url: `${url.protocol}//${url.hostname}:${port}`,
    target: `${url.hostname}:${port}`,
    tls,
    loopback,
  };
}

function isLoopback(hostname: string): boolean {
  return /^127\.\d+\.\d+\.\d+$/.test(hostname) || hostname === "[::1]" || /(^|\.)localhost$/.test(hostname);
}

function readCaFile(path: string | undefined, problems: string[]): string | undefined {
  if (!path) return undefined;
  try {
    const pem = readFileSync(path, "utf8");
    if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
    problems.push(`--ca-file (NB_CA_FILE): ${path} holds no PEM certificate; give the CA as PEM.`);
  } catch (error) {
    problems.push(
      `--ca-file (NB_CA_FILE): ${path} cannot be read (${(error as NodeJS.ErrnoException).code}); correct the path or its permissions.`,
    );
  }
  return undefined;
}

function defaultStateDir(env: NodeJS.ProcessEnv): string {
  if (process.platform === "win32")
    return join(env.LOCALAPPDATA || join(homedir(), "AppData", "Local"), "netbird-agent");
  if (process.getuid?.() === 0) return "/var/lib/netbird-agent";
  if (process.platform === "darwin")
    return join(homedir(), "Library", "Application Support", "netbird-agent");
  return join(env.XDG_STATE_HOME || join(homedir(), ".local", "state"), "netbird-agent");
}

function shortHome(path: string): string {
  return path.startsWith(homedir() + "/") ? `~${path.slice(homedir().length)}` : path;
}
