import { createPrivateKey, createPublicKey } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { type SessionMethod, sessionMethods, sessionTag } from "../domain/session-tag.ts";
import { DEFAULT_SESSION_SECONDS } from "../domain/session-times.ts";
import type { StoredService } from "../store/services.ts";

/** Source: reference §10.1; proxies check all of it. */
const ISSUER = "netbird-management";

export interface SessionSubject {
  /** User id, peer id, or `password-user`, `pin-user`, `header-user`. */
  subject: string;
  method: SessionMethod;
  email?: string;
  /** Of the method, from {@link sessionTag}. */
  tag: string;
  /** Ids and names pair by position. */
  groups?: { id: string; name: string }[];
  /** A day when not given. */
  lifetimeSeconds?: number;
}

/**
 * A visitor's session for one domain, signed with the service's own key (EdDSA).
 * @param privateKey standard base64 of seed and public key, 64 bytes
 */
export async function signSession(
  privateKey: string,
  domain: string,
  { subject, method, email, tag, groups = [], lifetimeSeconds = DEFAULT_SESSION_SECONDS }: SessionSubject,
  nowMs: number,
): Promise<string> {
  const bytes = Buffer.from(privateKey, "base64");
  const key = createPrivateKey({
    format: "jwk",
    key: {
      kty: "OKP",
      crv: "Ed25519",
      d: bytes.subarray(0, 32).toString("base64url"),
      x: bytes.subarray(32).toString("base64url"),
    },
  });
  const nowSeconds = Math.floor(nowMs / 1000);
  const claims: Record<string, unknown> = { method, session_tag: tag };
  if (email) claims.email = email;
  if (groups.length > 0) {
    claims.groups = groups.map(({ id }) => id);
    claims.group_names = groups.map(({ name }) => name);
  }
  return new SignJWT(claims)
    .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
    .setIssuer(ISSUER)
    .setSubject(subject)
    .setAudience([domain])
    .setIssuedAt(nowSeconds)
    .setNotBefore(nowSeconds)
    .setExpirationTime(nowSeconds + lifetimeSeconds)
    .sign(key);
}

/** As much of a service as its sessions depend on. */
export type SessionService = Pick<
  StoredService,
  "domain" | "sessionPublicKey" | "formerSessionKeys" | "auth" | "sessionEpoch"
>;

/** @returns the subject, or undefined for anything but a valid, current session of this service */
export async function readSession(
  service: SessionService,
  token: string,
  nowMs: number,
): Promise<string | undefined> {
  return (await readSessionClaims(service, token, nowMs))?.subject;
}

/** @returns undefined for anything but a valid, current session of this service */
export async function readSessionClaims(
  service: SessionService,
  token: string,
  nowMs: number,
): Promise<{ subject: string; expiresAtMs: number } | undefined> {
  const former = service.formerSessionKeys.filter(({ untilMs }) => untilMs > nowMs);
  for (const publicKey of [service.sessionPublicKey, ...former.map((one) => one.publicKey)]) {
    const claims = await readClaims(service, publicKey, token, nowMs);
    if (claims !== undefined) return claims;
  }
  return undefined;
}

async function readClaims(
  service: SessionService,
  publicKey: string,
  token: string,
  nowMs: number,
): Promise<{ subject: string; expiresAtMs: number } | undefined> {
  try {
    const key = createPublicKey({
      format: "jwk",
      key: {
        kty: "OKP",
        crv: "Ed25519",
        x: Buffer.from(publicKey, "base64").toString("base64url"),
      },
    });
    const { payload } = await jwtVerify(token, key, {
      algorithms: ["EdDSA"],
      issuer: ISSUER,
      audience: service.domain,
      currentDate: new Date(nowMs),
    });
    const method = sessionMethods.find((one) => one === payload.method);
    if (method === undefined || payload.session_tag !== sessionTag(service, method)) return undefined;
    return payload.sub ? { subject: payload.sub, expiresAtMs: (payload.exp ?? 0) * 1000 } : undefined;
  } catch {
    return undefined;
  }
}
