import type { Service } from "../route/service.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Caller } from "./caller.ts";
import { isIdle } from "./idle.ts";
import type { AccessPolicy, KnownSession } from "./policy.ts";
import { knownSession, verifySession } from "./session.ts";

/** A session in use is asked about again after this, beside its requests. */
const RENEW_MS = 1_500;
/** A session that nobody vouched for that long makes its request wait. With {@link RENEW_MS} it bounds how long somebody
 * who was blocked, or left a group, gets in: 5 s with what the call itself takes. */
const STALE_MS = 3_500;

/** Where a session is used. */
export interface SessionPlace {
  readonly service: Pick<Service, "access" | "domain"> | undefined;
  readonly parts: { readonly authenticator: Pick<Authenticator, "standing"> };
}

/**
 * Whether a session still stands, for a connection that outlives its request.
 *
 * @returns false when it has ended in whatever way
 */
export async function stands(x: SessionPlace, token: string, nowMs: number): Promise<boolean> {
  const { access, domain } = x.service!;
  let known = knownSession(access, token, nowMs);
  if (known === undefined) {
    if ((await verifySession(access, domain, token, nowMs)) === undefined) return false;
    known = knownSession(access, token, nowMs);
  }
  if (known === undefined || isIdle(access, known, nowMs)) return false;
  if (known.caller.method === "oidc" && nowMs - known.standingAtMs >= RENEW_MS) await renew(x, known, token);
  return access.sessions.has(token);
}

/**
 * Whether a session may be used without waiting. A password's or PIN's may: its service changes when the secret does. Behind
 * single sign-on is a user, who may be blocked or leave a group without any service changing.
 */
export function isVouchedFor(x: SessionPlace, known: KnownSession, token: string, nowMs: number): boolean {
  if (known.caller.method !== "oidc") return true;
  const ageMs = nowMs - known.standingAtMs;
  if (ageMs >= STALE_MS) return false;
  if (ageMs >= RENEW_MS) void renew(x, known, token);
  return true;
}

/** The caller of a session as management sees them now; undefined when they may not use the service any more. */
export async function currentCaller(x: SessionPlace, token: string): Promise<Caller | undefined> {
  const policy = x.service!.access;
  const nowMs = Date.now();
  const known = knownSession(policy, token, nowMs);
  if (known === undefined) return undefined;
  if (!isVouchedFor(x, known, token, nowMs)) await renew(x, known, token);
  return policy.sessions.get(token)?.caller;
}

/** Asks once, however many requests want to know. */
function renew(x: SessionPlace, known: KnownSession, token: string): Promise<void> {
  known.check ??= ask(x.service!.access, x, known, token).finally(() => {
    known.check = undefined;
  });
  return known.check;
}

async function ask(policy: AccessPolicy, x: SessionPlace, known: KnownSession, token: string): Promise<void> {
  const standing = await x.parts.authenticator.standing(x.service!.domain, token);
  if (standing.kind === "denied") {
    policy.sessions.delete(token);
    return;
  }
  // Services outlive their server: while it is away, whoever was in stays in.
  known.standingAtMs = Date.now();
  if (standing.kind === "valid") {
    known.caller = {
      ...known.caller,
      user: standing.user === "" ? known.caller.user : standing.user,
      groups: standing.groups,
    };
  }
}
