import { createHash } from "node:crypto";
import { type Answer, answer } from "../answer/catalogue.ts";
import type { Exchange } from "../exchange.ts";
import { sessionCookies } from "../forward/session-cookie.ts";
import type { Credential } from "./authenticator.ts";
import { type Caller, publicCaller } from "./caller.ts";
import { checkCredential } from "./check-credential.ts";
import { callerOfCertificate } from "./client-certificate.ts";
import { useSession } from "./idle.ts";
import type { AccessPolicy, ServiceToken } from "./policy.ts";
import { fulfils } from "./rules/apply-rules.ts";
import { bearerChallenge, callerOfToken, presentedToken } from "./service-token.ts";
import { knownSession, sessionCookieHeader, verifySession } from "./session.ts";
import { isForm, readLoginForm } from "./sign-in/read-login-form.ts";
import { takeSessionParameter } from "./sign-in/single-sign-on.ts";
import { currentCaller, isVouchedFor } from "./standing.ts";
import { tunnelCaller } from "./tunnel-login.ts";

/** How long a header credential that was right is not asked for again. */
const HEADER_CACHE_MS = 60_000;
/** Cookies of this name that are looked at; more than one comes from a sibling domain, many from an attack. */
const MAX_COOKIES = 4;

/**
 * Finds out who the caller is: by the tunnel, by session cookie, by a credential in a header, by the login form. Whether
 * that is enough is decided in the next stage.
 */
export function identifyCaller(x: Exchange): Answer | undefined | Promise<Answer | undefined> {
  const policy = x.service!.access;
  if (!policy.decided) return undefined;
  if (policy.private) {
    // Whatever else the service may ask for, only the overlay counts.
    x.caller = tunnelCaller(policy, x.down.connection.overlay);
    return undefined;
  }
  if (!policy.authenticated) {
    x.caller = publicCaller;
    return undefined;
  }
  const cookie = x.joined("cookie", "; ");
  const tokens = cookie === undefined ? [] : sessionCookies(cookie).slice(0, MAX_COOKIES);
  const nowMs = Date.now();
  for (const token of tokens) {
    const known = knownSession(policy, token, nowMs);
    if (
      known !== undefined &&
      isEnough(x, known.caller) &&
      isVouchedFor(x, known, token, nowMs) &&
      useSession(x, policy, known, token, nowMs)
    ) {
      x.caller = known.caller;
      x.sessionToken = token;
      return undefined;
    }
  }
  return identifyAnew(x, policy, tokens, nowMs);
}

/** A rule may ask for another method than the one behind a session; the request may fulfil that one too. */
function isEnough({ rule }: Exchange, caller: Caller): boolean {
  return rule?.action !== "require" || fulfils(rule, caller);
}

async function identifyAnew(
  x: Exchange,
  policy: AccessPolicy,
  tokens: readonly string[],
  nowMs: number,
): Promise<Answer | undefined> {
  const { domain } = x.service!;
  for (const token of tokens) {
    const known = knownSession(policy, token, nowMs);
    if (known === undefined && (await verifySession(policy, domain, token, nowMs)) === undefined) continue;
    const caller = await currentCaller(x, token);
    const current = knownSession(policy, token, nowMs);
    if (caller === undefined || current === undefined || !isEnough(x, caller)) continue;
    if (!useSession(x, policy, current, token, nowMs)) continue;
    x.caller = caller;
    x.sessionToken = token;
    return undefined;
  }
  // Where nobody is asked, forms and headers are the target's own business.
  if (x.rule?.action === "allow") {
    x.caller = publicCaller;
    return undefined;
  }
  const peer = tunnelCaller(policy, x.down.connection.overlay);
  if (peer !== undefined && isEnough(x, peer)) {
    x.caller = peer;
    return undefined;
  }
  if (policy.clientAuthority !== undefined) {
    const found = callerOfCertificate(x.down.connection, policy.clientAuthority, nowMs);
    // HTTP/2 clients reuse connections between names (RFC 9110 §15.5.20); this one has to be asked first.
    if (found === "other-connection") {
      return answer(
        "route.misdirected",
        x.down.httpVersion === "2" ? {} : { headers: ["connection", "close"] },
      );
    }
    if (found !== undefined && isEnough(x, found)) {
      x.caller = found;
      return undefined;
    }
  }
  if (policy.serviceTokens !== undefined) {
    const token = presentedToken(x);
    if (token !== undefined) return identifyByToken(x, policy.serviceTokens, token, nowMs);
  }
  for (const name of policy.headerNames) {
    const value = x.header(name);
    if (value !== undefined && value !== "") return identifyByHeader(x, policy, name, value);
  }
  const returned = await takeSessionParameter(x, policy);
  if (returned !== undefined) return returned;
  const { body, method } = x.down;
  const contentType = x.header("content-type") ?? "";
  if (body !== undefined && method === "POST" && isForm(contentType) && (policy.password || policy.pin)) {
    const form = await readLoginForm(body, contentType, x.header("content-length"), policy);
    if (form.kind === "too-large") return answer("access.form_too_large");
    if (form.kind === "login") return logIn(x, policy, form.credential);
  }
  return undefined;
}

/** A machine has no session: what it sends is looked up with every request, here, without asking anybody. */
function identifyByToken(
  x: Exchange,
  known: ReadonlyMap<string, ServiceToken>,
  token: string,
  nowMs: number,
): Answer | undefined {
  x.authMechanism = "token";
  x.caller = callerOfToken(known, token, nowMs);
  if (x.caller !== undefined) return undefined;
  return answer("access.token_invalid", {
    headers: ["www-authenticate", bearerChallenge(x.host, "invalid_token")],
  });
}

/** Header credentials that the server is being asked about: a client that begins with many requests at once asks once. */
const headerChecks = new WeakMap<AccessPolicy, Map<string, Promise<string | Answer>>>();

async function identifyByHeader(
  x: Exchange,
  policy: AccessPolicy,
  name: string,
  value: string,
): Promise<Answer | undefined> {
  // A client without a cookie jar sends the same header every time. The secret itself is not kept.
  const key = `header ${createHash("sha256").update(`${name}\0${value}`).digest("base64")}`;
  const known = policy.sessions.get(key);
  if (known !== undefined && known.expiresAtMs > Date.now()) {
    x.caller = known.caller;
    x.sessionToken = known.token;
    return undefined;
  }
  // Headers are bytes as characters; the secret was set as text.
  const text = Buffer.from(value, "latin1").toString("utf8");
  const checks = headerChecks.get(policy) ?? new Map<string, Promise<string | Answer>>();
  headerChecks.set(policy, checks);
  let checking = checks.get(key);
  const isFirst = checking === undefined;
  checking ??= checkCredential(x, policy, { kind: "header", name, value: text }).finally(() =>
    checks.delete(key),
  );
  checks.set(key, checking);
  const checked = await checking;
  x.authMechanism = "header";
  if (typeof checked !== "string") return checked;
  if (!isFirst) {
    x.caller = policy.sessions.get(key)?.caller;
    x.sessionToken = checked;
    return undefined;
  }
  const expiresAtMs = Date.now() + HEADER_CACHE_MS;
  x.sessionToken = checked;
  policy.sessions.set(key, {
    caller: x.caller!,
    expiresAtMs,
    usedAtMs: Date.now(),
    toldAtMs: Date.now(),
    token: checked,
    standingAtMs: 0,
    check: undefined,
  });
  x.answerHeaders = ["set-cookie", sessionCookieHeader(checked, policy.sessionMaxAgeSeconds)];
  return undefined;
}

async function logIn(x: Exchange, policy: AccessPolicy, credential: Credential): Promise<Answer> {
  const checked = await checkCredential(x, policy, credential);
  if (typeof checked !== "string") return checked;
  x.authMechanism = credential.kind;
  // The same address again, now with the cookie; as a GET, so that the form is not sent a second time.
  return answer("access.login_required", {
    status: 303,
    headers: [
      "location",
      x.path.replace(/^\/{2,}/, "/") + x.query,
      "set-cookie",
      sessionCookieHeader(checked, policy.sessionMaxAgeSeconds),
    ],
  });
}
