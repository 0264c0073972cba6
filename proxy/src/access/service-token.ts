import { createHash } from "node:crypto";
import type { Exchange } from "../exchange.ts";
import type { Caller } from "./caller.ts";
import type { ServiceToken } from "./policy.ts";

/** For clients whose Authorization header is taken by something else; it never reaches a target. */
export const TOKEN_HEADER = "x-netbird-token";
const shape = /^nbs_[0-9A-Za-z]{36}$/;

/**
 * The service token that a request carries: as a bearer token (RFC 6750 §2.1), as the password of Basic credentials
 * (RFC 7617) with any user name, or alone in `X-NetBird-Token`.
 *
 * @returns undefined where there is none; credentials of another shape are for the target
 */
export function presentedToken(x: Exchange): string | undefined {
  const alone = x.header(TOKEN_HEADER);
  if (alone !== undefined) return alone;
  const authorization = x.header("authorization");
  return authorization === undefined ? undefined : tokenIn(authorization);
}

/** @param authorization the value of an Authorization header */
export function tokenIn(authorization: string): string | undefined {
  const [scheme = "", rest = ""] = split(authorization);
  if (scheme === "bearer") return shape.test(rest) ? rest : undefined;
  if (scheme !== "basic") return undefined;
  const decoded = Buffer.from(rest, "base64").toString("latin1");
  const password = decoded.slice(decoded.indexOf(":") + 1);
  return shape.test(password) ? password : undefined;
}

/** @returns undefined for a token that is unknown, withdrawn or expired */
export function callerOfToken(
  known: ReadonlyMap<string, ServiceToken>,
  token: string,
  nowMs: number,
): Caller | undefined {
  // What is compared is a hash: how long that takes says nothing about the token.
  const found = known.get(createHash("sha256").update(token).digest("base64"));
  return found !== undefined && found.expiresAtMs > nowMs ? found.caller : undefined;
}

/** RFC 6750 §3. */
export function bearerChallenge(host: string, error?: "invalid_token"): string {
  return `Bearer realm="${host}"${error === undefined ? "" : `, error="${error}"`}`;
}

function split(authorization: string): [string, string] {
  const space = authorization.indexOf(" ");
  if (space === -1) return ["", ""];
  return [authorization.slice(0, space).toLowerCase(), authorization.slice(space).trim()];
}
