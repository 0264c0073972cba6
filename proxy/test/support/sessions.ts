import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { management } from "@netbird-proxy/proto/grpc";
import { SignJWT } from "jose";

/** A service's key pair and what a management server makes with it. */
export const serviceKeys = generateKeyPairSync("ed25519");

export function publicKeyText(key: KeyObject): string {
  return key.export({ format: "der", type: "spki" }).subarray(-32).toString("base64");
}

export function authentication(partial: Partial<management.Authentication>): management.Authentication {
  return management.Authentication.fromPartial({
    sessionKey: publicKeyText(serviceKeys.publicKey),
    maxSessionAgeSeconds: 3600n,
    ...partial,
  } as never);
}

export interface Claims {
  audience: string;
  sub?: string;
  method?: string;
  issuer?: string;
  expiresIn?: number;
  issuedAt?: number;
  key?: KeyObject;
  more?: Record<string, unknown>;
}

/** A session token as management signs it. */
export async function sessionToken(claims: Claims): Promise<string> {
  const { sub = "password-user", method = "password", key = serviceKeys.privateKey } = claims;
  const now = claims.issuedAt ?? Math.floor(Date.now() / 1000);
  return new SignJWT({ method, ...claims.more })
    .setProtectedHeader({ alg: "EdDSA", typ: "JWT" })
    .setIssuer(claims.issuer ?? "netbird-management")
    .setSubject(sub)
    .setAudience([claims.audience])
    .setIssuedAt(now)
    .setNotBefore(now)
    .setExpirationTime(now + (claims.expiresIn ?? 86_400))
    .sign(key);
}
