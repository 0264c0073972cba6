import { createHmac, timingSafeEqual } from "node:crypto";
import type { Exchange } from "../exchange.ts";
import { USED_COOKIE, valuesOf } from "../forward/session-cookie.ts";
import type { AccessPolicy, KnownSession } from "./policy.ts";

/** The browser is told anew when so much of the idle time has passed since it was told last. */
const RENEW_PART = 0.1;

/**
 * Notes the use of a session, unless it was left alone for longer than the service allows. When it was used last is what
 * this proxy remembers, and what a signed cookie says: requests may go to any proxy of the cluster, which knows the same
 * key, and a proxy may have been restarted.
 *
 * @returns false when the session is over
 */
export function useSession(
  x: Exchange,
  policy: AccessPolicy,
  known: KnownSession,
  token: string,
  nowMs: number,
): boolean {
  const { idle } = policy;
  if (idle === undefined) return true;
  if (isIdle(policy, known, nowMs)) {
    known.usedAtMs = Math.max(known.usedAtMs, usedAccordingToCookie(x, idle.key, token));
    if (isIdle(policy, known, nowMs)) return false;
  }
  known.usedAtMs = nowMs;
  if (nowMs - known.toldAtMs >= idle.ms * RENEW_PART) {
    known.toldAtMs = nowMs;
    x.answerHeaders ??= [];
    x.answerHeaders.push("set-cookie", usedCookieHeader(idle, token, nowMs));
  }
  return true;
}

/** Whether a session was left alone for too long, as far as this proxy knows. */
export function isIdle({ idle }: AccessPolicy, known: KnownSession, nowMs: number): boolean {
  return idle !== undefined && nowMs - known.usedAtMs > idle.ms;
}

function usedCookieHeader(
  { ms, key }: NonNullable<AccessPolicy["idle"]>,
  token: string,
  nowMs: number,
): string {
  const seconds = Math.floor(nowMs / 1000);
  const value = `${seconds}.${signature(key, token, seconds).toString("base64url")}`;
  return `${USED_COOKIE}=${value}; Path=/; Max-Age=${Math.ceil(ms / 1000)}; HttpOnly; Secure; SameSite=Lax`;
}

/** @returns milliseconds; 0 for no cookie and for one that is not ours */
function usedAccordingToCookie(x: Exchange, key: Buffer, token: string): number {
  let newest = 0;
  for (const value of valuesOf(x.joined("cookie", "; ") ?? "", USED_COOKIE).slice(0, 4)) {
    const [, digits = "", mac = ""] = /^(\d{1,12})\.([\w-]{43})$/.exec(value) ?? [];
    const seconds = Number(digits);
    if (digits === "" || !timingSafeEqual(signature(key, token, seconds), Buffer.from(mac, "base64url")))
      continue;
    newest = Math.max(newest, seconds * 1000);
  }
  return newest;
}

/** Of one session only: the time of another one must not keep this one alive. */
function signature(key: Buffer, token: string, seconds: number): Buffer {
  return createHmac("sha256", key).update(`${seconds} ${token}`).digest();
}
