import type { BlockList } from "node:net";
import type { AddressChecks } from "./access/address-checks.ts";
import type { AttemptLimiter } from "./access/attempt-limiter.ts";
import type { Authenticator } from "./access/authenticator.ts";
import { clientAddress } from "./access/client-address.ts";
import { decideAccess } from "./access/decide-access.ts";
import { identifyCaller } from "./access/identify-caller.ts";
import type { RequestRates } from "./access/request-rates.ts";
import { listed, rangesOnly, restrictAddress } from "./access/restrict-address.ts";
import { applyRules } from "./access/rules/apply-rules.ts";
import type { SessionWatch } from "./access/session-watch.ts";
import { answerVisitorPaths, asksVisitors } from "./access/sign-in/answer-visitor-paths.ts";
import { VISITOR_PATHS } from "./access/sign-in/visitor-paths.ts";
import { slowDown } from "./access/slow-down.ts";
import type { Brandings } from "./answer/branding.ts";
import { type Answer, answer } from "./answer/catalogue.ts";
import { sendAnswer } from "./answer/send-answer.ts";
import { Exchange } from "./exchange.ts";
import { forward } from "./forward/forward.ts";
import { LOOP_HEADER } from "./forward/header-names.ts";
import type { ForwardingRules } from "./forward/request-headers.ts";
import type { Downstream } from "./listen/downstream.ts";
import type { Logger } from "./observe/log.ts";
import { hostOf } from "./route/host-name.ts";
import type { TableHolder } from "./route/host-table.ts";
import { findRoute } from "./route/service.ts";

/** What the stages need besides the request itself. */
export interface RequestPathParts {
  readonly table: TableHolder;
  readonly trustedProxies: BlockList | undefined;
  readonly forwarding: ForwardingRules;
  /** Of the public address, for redirects. */
  readonly publicScheme: "http" | "https";
  readonly authenticator: Authenticator;
  readonly attempts: AttemptLimiter;
  readonly addressChecks: AddressChecks;
  readonly requestRates: RequestRates;
  readonly sessionWatch: SessionWatch;
  readonly branding: Pick<Brandings, "of">;
  readonly log: Logger;
  nextRequestId(): string;
  /** The answer is out, or the visitor left before that. Called once per request. */
  finished(x: Exchange, complete: boolean): void;
}

/** A stage answers the request, or passes it on by returning undefined. */
export type Stage = (x: Exchange) => Answer | undefined | Promise<Answer | undefined>;

/** The whole way of a request, top to bottom. docs/request-path.md draws it. */
export const requestPath: readonly Stage[] = [
  readTarget, //      request line and Host -> host, path, query  400 request.malformed
  findService, //     host and path -> service and route          404 service.not_found, 421 route.misdirected
  matchListener, //   private: overlay only; plain HTTP: private only  403 access.private, 308 route.https_only
  refuseLoop, //      did this request pass here before?          421 route.loop
  restrictClient, //  trusted proxies -> visitor's address        403 access.ip_restricted, ...
  limitRate, //       requests of one address                     429 access.too_many_requests
  answerVisitorPaths, // /.netbird/: sign-in and sign-out  303, 400 access.sign_in_expired, 403 access.denied
  applyRules, //      path, method, header -> the service's rule  403 access.rule_denied, 400 access.ambiguous_path
  identifyCaller, //  cookie, header, login form -> caller        401 access.credentials_wrong, 303
  decideAccess, //    caller and policy -> pass, or               401/403 access.*
  forward, //         target, headers, through the tunnel, streamed  502/503/504 upstream.*, proxy.overloaded
];

/** Takes one request through the path. */
export function handleRequest(down: Downstream, parts: RequestPathParts): void {
  walk(new Exchange(down, parts), 0);
}

function walk(x: Exchange, from: number): void {
  try {
    for (let i = from; i < requestPath.length; i++) {
      const outcome = requestPath[i]!(x);
      if (outcome === undefined) continue;
      if (outcome instanceof Promise) {
        waitFor(x, outcome, i + 1);
        return;
      }
      sendAnswer(x, outcome);
      return;
    }
  } catch (error) {
    fail(x, error);
  }
}

function waitFor(x: Exchange, outcome: Promise<Answer | undefined>, next: number): void {
  let gone = false;
  x.down.onClose = () => {
    gone = true;
    x.parts.finished(x, false);
  };
  outcome.then(
    (result) => {
      if (gone) return;
      if (result === undefined) walk(x, next);
      else sendAnswer(x, result);
    },
    (error: unknown) => {
      if (!gone) fail(x, error);
    },
  );
}

function fail(x: Exchange, error: unknown): void {
  x.parts.log.error({ requestId: x.requestId, serviceId: x.service?.id, err: error }, "request failed");
  try {
    if (x.down.headSent) x.down.abort();
    else sendAnswer(x, answer("internal"));
  } catch {
    x.down.abort();
  }
}

function readTarget(x: Exchange): Answer | undefined {
  const { down } = x;
  if (down.upgrade !== undefined && announcesBody(x)) return answer("request.malformed");
  let authority = down.authority;
  let { target } = down;
  const hostHeader = singleHost(down.headers);
  if (hostHeader === null) return answer("request.malformed");
  // RFC 9113 §8.3.1: where both are there they must agree.
  if (authority === undefined) authority = hostHeader;
  else if (hostHeader !== undefined && hostHeader.toLowerCase() !== authority.toLowerCase()) {
    return answer("request.malformed");
  }
  if (target.charCodeAt(0) !== 47) {
    if (target === "*" && down.method === "OPTIONS") target = "/";
    else {
      // RFC 9112 §3.2.2: absolute form, whose authority counts; ours must not contradict it.
      const match = /^https?:\/\/([^/?#]+)([/?][^#]*)?$/i.exec(target);
      if (match === null || match[1]!.toLowerCase() !== authority?.toLowerCase()) {
        return answer("request.malformed");
      }
      target = match[2] ?? "/";
      if (target.charCodeAt(0) !== 47) target = `/${target}`;
    }
  }
  // A fragment never travels; one that does is read differently by different servers.
  if (target.includes("#")) return answer("request.malformed");
  const question = target.indexOf("?");
  x.path = question === -1 ? target : target.slice(0, question);
  x.query = question === -1 ? "" : target.slice(question);
  if (authority === undefined) return answer("service.not_found");
  const host = hostOf(authority);
  if (host === undefined) return answer("request.malformed");
  x.host = host;
  x.authority = authority;
  return undefined;
}

/** A handshake has no body; where it would end, and the new protocol begin, is anybody's guess. */
function announcesBody(x: Exchange): boolean {
  const length = x.header("content-length");
  return (length !== undefined && length !== "0") || x.header("transfer-encoding") !== undefined;
}

/** @returns null when there are several: whoever reads the other one would see another request */
function singleHost(headers: readonly string[]): string | undefined | null {
  let host: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    if (name.length !== 4) continue;
    if (name !== "Host" && name !== "host" && name.toLowerCase() !== "host") continue;
    if (host !== undefined) return null;
    host = headers[i + 1]!;
  }
  return host;
}

function findService(x: Exchange): Answer | undefined {
  const table = x.parts.table.current;
  const service = table.http.get(x.host);
  const { connection } = x.down;
  const { overlay } = connection;
  // Inside an account's network there is nothing but the account: others have the same overlay addresses.
  if (service === undefined || (overlay !== undefined && overlay.accountId !== service.accountId)) {
    // A browser reuses a connection for every name its certificate covers (RFC 9113 §9.1.1). A name that is passed
    // through as TLS on this port needs a connection of its own.
    const passed = table.tls.get(connection.localPort);
    return answer(passed?.has(x.host) ? "route.misdirected" : "service.not_found");
  }
  x.service = service;
  // Whatever the targets' paths are; answerVisitorPaths answers all of these.
  if (asksVisitors(service.access) && x.path.startsWith(VISITOR_PATHS)) return undefined;
  const match = findRoute(service, x.path);
  if (match === undefined) return answer("service.not_found");
  x.route = match.route;
  x.covered = match.covered;
  return undefined;
}

function matchListener(x: Exchange): Answer | undefined {
  const { overlay, plain } = x.down.connection;
  if (x.service!.access.private) {
    if (overlay !== undefined) return undefined;
    x.authMechanism = "private";
    return answer("access.private");
  }
  if (!plain) return undefined;
  return answer("route.https_only", { headers: ["location", `https://${x.host}${x.path}${x.query}`] });
}

function refuseLoop(x: Exchange): Answer | undefined {
  const hops = x.joined(LOOP_HEADER);
  return hops?.includes(x.parts.forwarding.loopId) ? answer("route.loop") : undefined;
}

function restrictClient(x: Exchange): Answer | undefined {
  const { trustedProxies } = x.parts;
  const { remoteAddress: peer, overlay } = x.down.connection;
  x.clientAddress = peer;
  // A peer speaks for itself, and its overlay address has no place on the map.
  if (overlay !== undefined) return restricted(x);
  if (trustedProxies !== undefined && listed(trustedProxies, peer)) {
    x.peerTrusted = true;
    x.clientAddress = clientAddress(peer, x.joined("x-forwarded-for"), trustedProxies);
  }
  return restricted(x);
}

function restricted(x: Exchange): Answer | undefined {
  const rules = x.service!.access.addresses;
  if (rules === undefined) return undefined;
  const { refusal, suspicion, findings } = restrictAddress(
    x.down.connection.overlay === undefined ? rules : rangesOnly(rules),
    x.clientAddress,
    x.parts.addressChecks,
  );
  x.findings = findings;
  x.suspicion = suspicion;
  // Whom a captcha is meant for may sign in first.
  if (refusal === undefined) return suspicion === "throttle" ? slowDown(x) : undefined;
  x.authMechanism = refusal.slice("access.".length);
  return answer(refusal);
}

function limitRate(x: Exchange): Answer | undefined {
  const { id, access } = x.service!;
  const rate = access.requestRate;
  if (rate === undefined) return undefined;
  const waitSeconds = x.parts.requestRates.take(id, x.clientAddress, rate, Date.now());
  if (waitSeconds === 0) return undefined;
  const finding = { restriction: "rate", verdict: "too_many_requests", mode: rate.mode } as const;
  x.findings = [...x.findings, finding];
  x.parts.addressChecks.onFinding(finding);
  if (rate.mode === "observe") return undefined;
  x.authMechanism = finding.verdict;
  return answer("access.too_many_requests", { headers: ["retry-after", String(waitSeconds)] });
}
