import { AppError } from "@netbird-proxy/proto";
import type { ServiceRequest, ServiceTargetRequest } from "@netbird-proxy/proto/rest";
import type {
  ServiceMode,
  StoredAccessRule,
  StoredRestrictions,
  StoredTarget,
  StoredTargetOptions,
} from "../store/services.ts";
import { isDomainName } from "./domain-name.ts";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";
import { headerNameProblem, headerValueProblem } from "./header-rules.ts";
import { invalid } from "./invalid-service.ts";
import { parseAddress } from "./ip-network.ts";
import { leadsTo, pathKey } from "./target-path.ts";
import { validateAccessRules } from "./validate-access-rules.ts";
import { type AuthDraft, validateAuth } from "./validate-auth.ts";
import { validateRestrictions } from "./validate-restrictions.ts";

/** A service request whose shape is right. References to other objects are not checked yet. */
export interface ServiceDraft {
  name: string;
  domain: string;
  mode: ServiceMode;
  /** 0: choose one (tcp, udp) or none (http). */
  listenPort: number;
  enabled: boolean;
  private: boolean;
  public: boolean;
  passHostHeader: boolean;
  rewriteRedirects: boolean;
  auth: AuthDraft;
  accessRestrictions: StoredRestrictions | null;
  accessRules: StoredAccessRule[];
  accessGroups: string[];
  targets: StoredTarget[];
}

const MAX_NAME_BYTES = 255;
const MAX_CUSTOM_HEADERS = 16;

/**
 * Everything about a service request that can be said without looking at the database.
 * Source: reference §2.2 to §2.7, made stricter where a service could never work (port ranges, schemes, path syntax).
 *
 * @throws AppError `service.*` with the path of the first field that is wrong
 */
export function validateService(request: ServiceRequest): ServiceDraft {
  const mode: ServiceMode = request.mode || "http";
  if (request.name === "") invalid("name", "name is required");
  if (Buffer.byteLength(request.name) > MAX_NAME_BYTES) {
    invalid("name", `name is longer than ${MAX_NAME_BYTES} bytes`);
  }
  if (request.domain === "") invalid("domain", "domain is required");
  if (!isDomainName(request.domain) && !parseAddress(request.domain)) {
    invalid("domain", `${JSON.stringify(request.domain)} is no domain name`);
  }
  const listenPort = request.listen_port ?? 0;
  checkListenPort(mode, listenPort);
  const targets = checkTargets(mode, request.targets);
  const auth = validateAuth(mode, request.auth ?? {});
  const accessRestrictions = validateRestrictions(mode, request.access_restrictions);
  const accessRules = validateAccessRules(request.access_rules, mode, auth);
  const accessGroups = request.access_groups ?? [];
  const isPrivate = request.private ?? false;
  if (isPrivate) checkPrivate(mode, accessGroups, auth, request.public ?? false);
  if (isPrivate) checkPrivateRules(accessRules);
  return {
    name: request.name,
    domain: request.domain,
    mode,
    listenPort,
    enabled: request.enabled ?? false,
    private: isPrivate,
    public: request.public ?? false,
    passHostHeader: request.pass_host_header ?? false,
    rewriteRedirects: request.rewrite_redirects ?? false,
    auth,
    accessRestrictions,
    accessRules,
    accessGroups,
    targets,
  };
}

function checkPort(path: string, port: number, lowest: 0 | 1): void {
  if (port >= lowest && port <= 65_535) return;
  throw new AppError("service.port_out_of_range", `port ${port} is out of range`, { path });
}

function checkListenPort(mode: ServiceMode, port: number): void {
  if (mode === "http" && port !== 0) invalid("listen_port", "listen_port cannot be set in http mode");
  checkPort("listen_port", port, mode === "tls" ? 1 : 0);
}

function checkTargets(mode: ServiceMode, requests: readonly ServiceTargetRequest[]): StoredTarget[] {
  if (requests.length === 0) {
    throw new AppError("service.no_targets", "a service needs at least one target", { path: "targets" });
  }
  if (mode !== "http" && requests.length > 1) {
    invalid("targets[1]", `a service in ${mode} mode has exactly one target`);
  }
  const byPath = new Map<string, StoredTarget[]>();
  return requests.map((request, position) => {
    const at = `targets[${position}]`;
    const target = checkTarget(mode, request, position, at);
    const key = pathKey(target.path);
    const others = byPath.get(key);
    if (others === undefined) byPath.set(key, [target]);
    else {
      checkSharesPath(target, others, key, at);
      others.push(target);
    }
    return target;
  });
}

/** Targets of one path share its requests, so it must not matter which one a request goes to. */
function checkSharesPath(
  target: StoredTarget,
  others: readonly StoredTarget[],
  path: string,
  at: string,
): void {
  const same = others.find((other) => leadsTo(target, other));
  if (same !== undefined) {
    throw new AppError(
      "service.duplicate_target",
      `targets[${same.position}] leads ${path} to the same place`,
      { path: `${at}.target_id` },
    );
  }
  const first = others[0]!;
  if (first.options.pathRewrite !== target.options.pathRewrite) {
    invalid(
      `${at}.options.path_rewrite`,
      `the targets of ${path} share its requests, so path_rewrite must be as in targets[${first.position}]`,
    );
  }
}

function checkTarget(
  mode: ServiceMode,
  request: ServiceTargetRequest,
  position: number,
  at: string,
): StoredTarget {
  const { target_type: targetType, protocol } = request;
  const http = mode === "http";
  if (request.target_id === "") invalid(`${at}.target_id`, "target_id is required");
  const protocols = http ? ["http", "https"] : ["tcp", "udp", "http", "https"];
  if (!protocols.includes(protocol)) {
    invalid(`${at}.protocol`, `protocol must be one of ${protocols.join(", ")}`);
  }
  checkPort(`${at}.port`, request.port, http ? 0 : 1);
  const options = checkOptions(mode, request, at);
  checkHost(mode, request, at);
  if (targetType === "cluster" && !options.directUpstream) {
    invalid(`${at}.options.direct_upstream`, "a cluster target needs direct_upstream");
  }
  const path = request.path ?? null;
  if (path !== null) checkPath(mode, path, `${at}.path`);
  return {
    position,
    targetId: request.target_id,
    targetType,
    protocol,
    host: request.host ?? "",
    port: request.port,
    path,
    enabled: http ? (request.enabled ?? false) : true,
    options,
  };
}

function checkPath(mode: ServiceMode, path: string, at: string): void {
  if (mode !== "http") {
    if (path !== "" && path !== "/") invalid(at, `a target in ${mode} mode has no path`);
    return;
  }
  if (path === "") return;
  if (!path.startsWith("/")) invalid(at, "a path starts with /");
  if (/[\s?#\x00-\x1f\x7f]/.test(path)) invalid(at, "a path has no spaces, ? or #");
}

function checkHost(mode: ServiceMode, request: ServiceTargetRequest, at: string): void {
  const host = request.host ?? "";
  const { target_type: type } = request;
  const needed = type === "subnet" || (type === "cluster" && mode === "http");
  if (needed && host.trim() === "") invalid(`${at}.host`, `a ${type} target needs a host`);
  const used = type === "subnet" || type === "cluster" || request.options?.direct_upstream === true;
  if (!used || host === "") return;
  if (/[\s/]/.test(host)) invalid(`${at}.host`, "host is a name or an address, without scheme or path");
  if (host.includes(":") && !parseAddress(host))
    invalid(`${at}.host`, "host has no port; use the field port");
}

function checkOptions(mode: ServiceMode, target: ServiceTargetRequest, at: string): StoredTargetOptions {
  const request = target.options ?? {};
  const path = (member: string) => `${at}.options.${member}`;
  const options: StoredTargetOptions = {};
  const onlyHttp = (member: string) => {
    if (mode !== "http") invalid(path(member), `${member} is not available in ${mode} mode`);
  };
  if (request.skip_tls_verify) {
    onlyHttp("skip_tls_verify");
    options.skipTlsVerify = true;
  }
  const requestTimeout = checkDuration(request.request_timeout, path("request_timeout"));
  if (requestTimeout) options.requestTimeout = requestTimeout;
  const idleTimeout = checkDuration(request.session_idle_timeout, path("session_idle_timeout"));
  if (idleTimeout) options.sessionIdleTimeout = idleTimeout;
  if (request.path_rewrite) {
    onlyHttp("path_rewrite");
    options.pathRewrite = request.path_rewrite;
  }
  if (request.custom_headers && Object.keys(request.custom_headers).length > 0) {
    onlyHttp("custom_headers");
    checkCustomHeaders(request.custom_headers, path("custom_headers"));
    options.customHeaders = request.custom_headers;
  }
  if (request.proxy_protocol) {
    if (mode === "http" || mode === "udp") {
      invalid(path("proxy_protocol"), `proxy_protocol is not available in ${mode} mode`);
    }
    options.proxyProtocol = true;
  }
  if (request.direct_upstream) options.directUpstream = true;
  return options;
}

/** @returns the canonical form; undefined when unset or 0 */
function checkDuration(text: string | undefined, path: string): string | undefined {
  if (text === undefined) return undefined;
  const ns = parseGoDuration(text);
  if (ns === undefined) return invalid(path, `${JSON.stringify(text)} is no duration such as 30s or 1m30s`);
  if (ns < 0n) return invalid(path, "a duration cannot be negative");
  return ns === 0n ? undefined : formatGoDuration(ns);
}

function checkCustomHeaders(headers: Readonly<Record<string, string>>, path: string): void {
  const names = Object.keys(headers);
  if (names.length > MAX_CUSTOM_HEADERS) invalid(path, `at most ${MAX_CUSTOM_HEADERS} custom headers`);
  const seen = new Set<string>();
  for (const name of names) {
    const at = `${path}.${name}`;
    const problem = headerNameProblem(name);
    if (problem) invalid(at, `header ${JSON.stringify(name)} ${problem}`);
    if (seen.has(name.toLowerCase())) invalid(at, `header ${name} is there twice`);
    seen.add(name.toLowerCase());
    const valueProblem = headerValueProblem(headers[name]!);
    if (valueProblem) invalid(at, `the value of header ${name} ${valueProblem}`);
  }
}

function checkPrivate(
  mode: ServiceMode,
  accessGroups: readonly string[],
  auth: AuthDraft,
  isPublic: boolean,
): void {
  if (mode !== "http") invalid("private", "only http services can be private");
  if (accessGroups.length === 0)
    invalid("access_groups", "a private service needs at least one access group");
  if (auth.bearer?.enabled) invalid("auth.bearer_auth", "a private service cannot use bearer_auth");
  if (isPublic) invalid("public", "a service is either private or public");
}

function checkPrivateRules(rules: readonly StoredAccessRule[]): void {
  const asking = rules.findIndex(({ action }) => action === "require");
  if (asking === -1) return;
  invalid(
    `access_rules[${asking}].require`,
    "visitors of a private service are known by their tunnel and asked for nothing else; use deny, or a service of its own with other access_groups",
  );
}
