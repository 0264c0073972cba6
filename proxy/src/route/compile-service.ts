import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import type { AccountId, ServiceId } from "@netbird-proxy/proto";
import { management } from "@netbird-proxy/proto/grpc";
import type { EndedSessions } from "../access/ended-sessions.ts";
import { accessPolicy } from "../access/policy.ts";
import type { TargetDialer } from "../forward/dial.ts";
import { headerName } from "../forward/header-names.ts";
import type { Upstreams } from "../forward/upstream.ts";
import type { Prober } from "../probe/prober.ts";
import { parsePathPrefix } from "./path-match.ts";
import type { HttpTarget, PathRoute, RelayTarget, Service, ServiceMode } from "./service.ts";

/** What turns a mapping into a {@link Service}. */
export interface CompileParts {
  readonly upstreams: Upstreams;
  readonly prober: Prober;
  readonly direct: TargetDialer;
  readonly ended: EndedSessions;
  tunnel(accountId: AccountId): TargetDialer;
  readonly limits: {
    readonly maxDialTimeoutMs: number | undefined;
    readonly maxSessionIdleTimeoutMs: number | undefined;
    readonly responseHeaderTimeoutMs: number;
  };
}

/** Why a mapping cannot be served; code of the error catalogue. */
export interface Rejection {
  readonly code: string;
  readonly message: string;
}

export type Compiled = { ok: true; service: Service } | { ok: false; rejection: Rejection };

const DEFAULT_DIAL_MS = 30_000;
const DEFAULT_TCP_IDLE_MS = 300_000;
const DEFAULT_UDP_IDLE_MS = 30_000;

const reject = (message: string, code = "proxy.rejected") => ({
  ok: false as const,
  rejection: { code, message },
});

/**
 * Makes the object that serves a mapping. Upstream pools and probes are acquired; {@link disposeService} gives them
 * back.
 *
 * @param longLived the set of the object that this one replaces, so that its connections stay known
 */
export function compileService(
  mapping: management.ProxyMapping,
  parts: CompileParts,
  longLived: Service["longLived"] = new Set(),
): Compiled {
  const modes: Record<string, ServiceMode> = { "": "http", http: "http", tcp: "tcp", tls: "tls", udp: "udp" };
  const mode = modes[mapping.mode];
  if (mode === undefined) return reject(`mode ${mapping.mode} is not known`, "proxy.mode_unsupported");
  const domain = domainToASCII(mapping.domain.replace(/\.$/, ""));
  if (domain === "") return reject(`domain ${JSON.stringify(mapping.domain)} is not a host name`);
  const access = accessPolicy(mapping, parts.ended);
  if (!access.ok) return reject(access.message);

  const specs = new Map<string, TargetSpec[]>();
  let relaySpec: RelaySpec | undefined;
  if (mode === "http") {
    for (const path of mapping.path) {
      const spec = readTarget(path);
      if (typeof spec === "string") return reject(spec);
      const prefix = parsePathPrefix(path.path).text;
      const others = specs.get(prefix);
      if (others === undefined) specs.set(prefix, [spec]);
      else if (strips(others[0]!.path) === strips(path)) others.push(spec);
      else return reject(`the targets of path ${prefix || "/"} differ in path_rewrite`);
    }
  } else {
    if (mapping.listenPort < 1 || mapping.listenPort > 65_535) {
      return reject(`listen_port ${mapping.listenPort} is out of range`, "service.port_out_of_range");
    }
    const relay = readRelay(mapping, mode);
    if (typeof relay === "string") return reject(relay);
    relaySpec = relay;
  }

  // Nothing is acquired before everything has been read: a refused mapping leaves nothing behind.
  const accountId = mapping.accountId as AccountId;
  const routes = buildRoutes(specs, accountId, parts);
  const service: Service = {
    id: mapping.id as ServiceId,
    accountId,
    domain,
    name: mapping.name,
    mode,
    listenPort: mode === "http" ? 0 : mapping.listenPort,
    access: access.value,
    passHostHeader: mapping.passHostHeader,
    rewriteRedirects: mapping.rewriteRedirects,
    routes,
    relay: relaySpec && buildRelay(relaySpec, accountId, mode, parts),
    longLived,
  };
  return { ok: true, service };
}

/** Gives back what the service had acquired. Requests under way are not touched. */
export function disposeService(service: Service, prober: Prober): void {
  for (const { targets } of service.routes) {
    for (const target of targets) {
      target.upstream.release();
      prober.release(target.probe);
    }
  }
  if (service.relay !== undefined) prober.release(service.relay.probe);
}

interface TargetSpec {
  path: management.PathMapping;
  scheme: "http" | "https";
  authority: string;
  host: string;
  port: number;
  basePath: string;
  customHeaders: string[];
}

function readTarget(path: management.PathMapping): TargetSpec | string {
  let url: URL;
  try {
    url = new URL(path.target);
  } catch {
    return `target ${JSON.stringify(path.target)} is not a URL`;
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `target ${JSON.stringify(path.target)} is neither http nor https`;
  }
  if (path.options?.middlewares.some(({ enabled }) => enabled)) {
    return "the target wants middlewares, which this proxy does not have";
  }
  const customHeaders: string[] = [];
  for (const [name, text] of Object.entries(path.options?.customHeaders ?? {})) {
    // Bytes as characters, as everywhere between the sockets; NetBird's proxy sends UTF-8 too.
    const value = Buffer.from(text, "utf8").toString("latin1");
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      return `custom header ${JSON.stringify(name)} is not a valid header`;
    }
    const { lower, treatment } = headerName(name);
    // These frame the message; a wrong one would put the next request into the wrong hands.
    if (
      treatment === "content-length" ||
      treatment === "transfer-encoding" ||
      treatment === "connection" ||
      treatment === "host" ||
      treatment === "upgrade" ||
      treatment === "te" ||
      treatment === "expect" ||
      treatment === "loop" ||
      treatment === "drop"
    ) {
      return `custom header ${name} is not allowed`;
    }
    customHeaders.push(lower, value);
  }
  const scheme = url.protocol === "https:" ? "https" : "http";
  return {
    path,
    scheme,
    authority: url.host,
    host: bareHost(url.hostname),
    port: url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port),
    basePath: url.pathname.replace(/\/+$/, ""),
    customHeaders,
  };
}

const bareHost = (hostname: string) => hostname.replace(/^\[|\]$/g, "");

const strips = ({ options }: management.PathMapping) =>
  options?.pathRewrite !== management.PathRewriteMode.PATH_REWRITE_PRESERVE;

function buildRoutes(
  specs: ReadonlyMap<string, readonly TargetSpec[]>,
  accountId: AccountId,
  parts: CompileParts,
): PathRoute[] {
  const routes = [...specs.values()].map(
    (targets): PathRoute => ({
      prefix: parsePathPrefix(targets[0]!.path.path),
      strip: strips(targets[0]!.path),
      targets: targets.map((spec) => buildTarget(spec, accountId, parts)),
      turn: { next: 0 },
    }),
  );
  return routes.sort(
    (a, b) =>
      b.prefix.segments.length - a.prefix.segments.length || b.prefix.text.length - a.prefix.text.length,
  );
}

function buildTarget(spec: TargetSpec, accountId: AccountId, parts: CompileParts): HttpTarget {
  const { options } = spec.path;
  const dialer = options?.directUpstream ? parts.direct : parts.tunnel(accountId);
  const timeoutMs = durationMs(options?.requestTimeout);
  return {
    scheme: spec.scheme,
    authority: spec.authority,
    basePath: spec.basePath,
    customHeaders: spec.customHeaders,
    customHeaderNames: new Set(spec.customHeaders.filter((_, i) => i % 2 === 0)),
    upstream: parts.upstreams.acquire({
      dialer,
      host: spec.host,
      port: spec.port,
      tls: spec.scheme === "https" ? { verify: !options?.skipTlsVerify } : undefined,
    }),
    dialTimeoutMs: capped(timeoutMs, parts.limits.maxDialTimeoutMs) ?? DEFAULT_DIAL_MS,
    headerTimeoutMs: timeoutMs ?? parts.limits.responseHeaderTimeoutMs,
    probe: parts.prober.acquire(dialer, spec.host, spec.port),
    position: spec.path.position,
    accessLog: !options?.disableAccessLog,
  };
}

interface RelaySpec {
  path: management.PathMapping;
  host: string;
  port: number;
}

function readRelay(mapping: management.ProxyMapping, mode: ServiceMode): RelaySpec | string {
  const path = mapping.path[0];
  if (path === undefined) return `a ${mode} service needs one target`;
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(path.target);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535 || (match[1] !== undefined && isIP(match[1]) !== 6)) {
    return `target ${JSON.stringify(path.target)} is not host:port`;
  }
  return { path, host: match[1] ?? match[2]!, port };
}

function buildRelay(
  spec: RelaySpec,
  accountId: AccountId,
  mode: ServiceMode,
  parts: CompileParts,
): RelayTarget {
  const { options } = spec.path;
  const dialer = parts.tunnel(accountId);
  const idle = durationMs(options?.sessionIdleTimeout);
  return {
    host: spec.host,
    port: spec.port,
    dialTimeoutMs:
      capped(durationMs(options?.requestTimeout), parts.limits.maxDialTimeoutMs) ?? DEFAULT_DIAL_MS,
    idleTimeoutMs:
      capped(idle, parts.limits.maxSessionIdleTimeoutMs) ??
      (mode === "udp" ? DEFAULT_UDP_IDLE_MS : DEFAULT_TCP_IDLE_MS),
    proxyProtocol: options?.proxyProtocol ?? false,
    dialer,
    probe: parts.prober.acquire(dialer, spec.host, spec.port, mode === "udp" ? "ping" : "tcp"),
    position: spec.path.position,
  };
}

/** The wish, at most the cap; the cap when there is no wish. */
function capped(wishMs: number | undefined, capMs: number | undefined): number | undefined {
  if (wishMs === undefined || capMs === undefined) return wishMs ?? capMs;
  return Math.min(wishMs, capMs);
}

/** @returns undefined for none and for zero, which mean the same on the wire */
function durationMs(duration: { seconds: bigint; nanos: number } | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const ms = Number(duration.seconds) * 1000 + duration.nanos / 1e6;
  return ms > 0 ? Math.min(Math.ceil(ms), 0x7fffffff) : undefined;
}
