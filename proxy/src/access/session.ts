import type { KeyObject } from "node:crypto";
import { jwtVerify } from "jose";
import { SESSION_COOKIE } from "../forward/session-cookie.ts";
import type { Caller } from "./caller.ts";
import { sessionHash } from "./ended-sessions.ts";
import type { AccessPolicy, KnownSession } from "./policy.ts";

const ISSUER = "netbird-management";
/** Sessions remembered per service; the oldest goes first. */
const MAX_SESSIONS = 10_000;

/** A session found valid earlier; undefined when it has to be verified (again). */
export function knownSession(policy: AccessPolicy, token: string, nowMs: number): KnownSession | undefined {
  const known = policy.sessions.get(token);
  return known !== undefined && known.expiresAtMs > nowMs ? known : undefined;
}

/**
 * Verifies a session token as the management server signs it (EdDSA, issuer, audience = domain, nbf and exp without
 * leeway), and that the scheme it came from is still one of the service's.
 *
 * @returns undefined when it is not valid, whatever the reason
 */
export async function verifySession(
  policy: AccessPolicy,
  domain: string,
  token: string,
  nowMs: number,
): Promise<Caller | undefined> {
  if (policy.sessionKey === undefined || policy.ended.has(token)) return undefined;
  const former = policy.formerSessionKeys.filter(({ untilMs }) => untilMs > nowMs);
  const claims = await claimsOf([policy.sessionKey, ...former.map(({ key }) => key)], domain, token, nowMs);
  if (claims === undefined) return undefined;
  const { sub, method } = claims;
  if (typeof sub !== "string" || sub === "") return undefined;
  if (!enabled(policy, method)) return undefined;
  // Each share link has a tag of its own.
  if (!isCurrent(policy, method === "link" ? `link:${sub}` : method, claims.session_tag)) return undefined;
  const caller: Caller = {
    method,
    userId: sub,
    user: typeof claims.email === "string" ? claims.email : "",
    groups: groupNames(claims.groups, claims.group_names),
  };
  const beganAtMs = typeof claims.iat === "number" ? claims.iat * 1000 : nowMs;
  const expiresAtMs = Math.min(
    typeof claims.exp === "number" ? claims.exp * 1000 : Number.POSITIVE_INFINITY,
    // Sessions from before a service shortened them end with the new length.
    beganAtMs + policy.sessionMaxAgeSeconds * 1000,
  );
  if (expiresAtMs <= nowMs) return undefined;
  if (policy.sessions.size >= MAX_SESSIONS) {
    const oldest = policy.sessions.keys().next();
    if (!oldest.done) policy.sessions.delete(oldest.value);
  }
  policy.sessions.set(token, {
    caller,
    expiresAtMs,
    usedAtMs: beganAtMs,
    toldAtMs: beganAtMs,
    token,
    standingAtMs: 0,
    check: undefined,
  });
  return caller;
}

/** @returns undefined when none of the keys signed it, or it is not valid otherwise */
async function claimsOf(
  keys: readonly KeyObject[],
  domain: string,
  token: string,
  nowMs: number,
): Promise<Record<string, unknown> | undefined> {
  for (const key of keys) {
    try {
      const verified = await jwtVerify(token, key, {
        algorithms: ["EdDSA"],
        issuer: ISSUER,
        audience: domain,
        clockTolerance: 0,
        currentDate: new Date(nowMs),
      });
      return verified.payload;
    } catch {
      // The next key may be its own.
    }
  }
  return undefined;
}

/** A session must not outlive its secret, nor the moment when all sessions were ended. Stock servers send no tags. */
function isCurrent({ sessionTags }: AccessPolicy, method: string, tag: unknown): boolean {
  const current = sessionTags[method];
  if (current !== undefined) return tag === current;
  // Share links are ours: where one has no tag, it was withdrawn.
  return Object.keys(sessionTags).length === 0 && !method.startsWith("link:");
}

// A session that came from a password must not outlive the password as a scheme.
function enabled(
  policy: AccessPolicy,
  method: unknown,
): method is Exclude<Caller["method"], "public" | "token" | "certificate" | "tunnel"> {
  switch (method) {
    case "password":
      return policy.password;
    case "pin":
      return policy.pin;
    case "header":
      return policy.headerNames.length > 0;
    case "oidc":
      return policy.oidc;
    case "link":
      return policy.shareLink;
    default:
      return false;
  }
}

/** Makes services verify these sessions anew, which finds them ended. @param hashes from {@link sessionHash} */
export function forgetSessions(
  served: Iterable<{ service: { access: AccessPolicy } }>,
  hashes: ReadonlySet<string>,
): void {
  for (const { service } of served) {
    const { sessions } = service.access;
    for (const [key, { token }] of sessions) if (hashes.has(sessionHash(token))) sessions.delete(key);
  }
}

/** Names and ids pair by position; where a name is missing the id stands for it. */
export function groupNames(ids: unknown, names: unknown): string[] {
  if (!Array.isArray(ids)) return [];
  const named = Array.isArray(names) ? names : [];
  return ids.flatMap((id, i) => {
    const name = named[i];
    if (typeof name === "string" && name !== "") return [name];
    return typeof id === "string" ? [id] : [];
  });
}

/** The cookie that carries a session, as NetBird sets it. */
export function sessionCookieHeader(token: string, maxAgeSeconds: number): string {
  return `${SESSION_COOKIE}=${token}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; Secure; SameSite=Lax`;
}
