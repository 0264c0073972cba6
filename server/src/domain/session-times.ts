import type { ServiceAuthRequest } from "@netbird-proxy/proto/rest";
import type { StoredAuth } from "../store/services.ts";
import { formatGoDuration, parseGoDuration } from "./go-duration.ts";

/** A day, as NetBird has it for every session. */
export const DEFAULT_SESSION_SECONDS = 86_400;
const MIN_SECONDS = 60;
/** The longest that a service may allow. */
export const MAX_SESSION_SECONDS = 30 * 86_400;

export type SessionTimes = Pick<StoredAuth, "sessionLength" | "sessionIdleTime">;

/** @param refuse called with the field below `auth` and what is wrong with it */
export function checkSessionTimes(
  { session_length: length, session_idle_time: idle }: ServiceAuthRequest,
  refuse: (member: string, problem: string) => never,
): SessionTimes {
  const times: SessionTimes = {};
  const longest = length === undefined ? DEFAULT_SESSION_SECONDS : MAX_SESSION_SECONDS;
  if (length !== undefined)
    times.sessionLength = canonical(length, "session_length", MAX_SESSION_SECONDS, refuse);
  if (idle !== undefined) times.sessionIdleTime = canonical(idle, "session_idle_time", longest, refuse);
  if (sessionIdleSeconds(times) > sessionSeconds(times))
    refuse(
      "session_idle_time",
      "session_idle_time is longer than session_length, and would never end a session",
    );
  return times;
}

function canonical(
  text: string,
  member: string,
  longestSeconds: number,
  refuse: (member: string, problem: string) => never,
): string {
  const ns = parseGoDuration(text);
  if (ns === undefined || ns % 1_000_000_000n !== 0n) {
    return refuse(member, `${JSON.stringify(text)} is no duration of whole seconds such as 8h or 90m`);
  }
  const seconds = Number(ns / 1_000_000_000n);
  if (seconds < MIN_SECONDS || seconds > longestSeconds) {
    return refuse(member, `${text} is not between 1m and ${longestSeconds / 3600}h`);
  }
  return formatGoDuration(ns);
}

/** How long a session of the service lasts from its beginning, seconds. */
export function sessionSeconds({ sessionLength }: SessionTimes): number {
  return sessionLength === undefined ? DEFAULT_SESSION_SECONDS : secondsOf(sessionLength);
}

/** After how many seconds without a request it ends; 0: never. */
export function sessionIdleSeconds({ sessionIdleTime }: SessionTimes): number {
  return sessionIdleTime === undefined ? 0 : secondsOf(sessionIdleTime);
}

function secondsOf(duration: string): number {
  return Number((parseGoDuration(duration) ?? 0n) / 1_000_000_000n);
}
