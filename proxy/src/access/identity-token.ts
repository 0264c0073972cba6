import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import type { Caller } from "./caller.ts";

/** The header in which targets get the token. */
export const IDENTITY_HEADER = "x-netbird-identity";
const LIFETIME_SECONDS = 300;
/** The same token goes with all requests of a caller that long, so that one lives for four minutes at least. */
const REUSE_MS = 60_000;
/** PKCS #8 of Ed25519 up to the seed itself (RFC 8410 §7). */
const ed25519Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** Signs who a visitor is, for the targets of one service. */
export interface IdentitySigner {
  /** A JWT (RFC 7519) for this caller. */
  token(caller: Caller, nowMs: number): string;
  /** JSON Web Key Set (RFC 7517) with which targets verify it. */
  readonly jwks: string;
}

/** @param seed of an Ed25519 key, 32 bytes; the same on every proxy of the cluster */
export function identitySigner(seed: Uint8Array, domain: string): IdentitySigner {
  const key = createPrivateKey({ key: Buffer.concat([ed25519Prefix, seed]), format: "der", type: "pkcs8" });
  const { x } = createPublicKey(key).export({ format: "jwk" });
  // RFC 7638: the members of the key in the order of their names.
  const kid = createHash("sha256")
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
  const header = encode({ alg: "EdDSA", typ: "JWT", kid });
  // A caller is replaced by another object when anything about it changes.
  const signed = new WeakMap<Caller, { token: string; reuseUntilMs: number }>();
  return {
    jwks: `${JSON.stringify({ keys: [{ kty: "OKP", crv: "Ed25519", x, kid, alg: "EdDSA", use: "sig" }] })}\n`,
    token(caller, nowMs) {
      const known = signed.get(caller);
      if (known !== undefined && known.reuseUntilMs > nowMs) return known.token;
      const token = signToken(key, `${header}.${encode(claims(caller, domain, nowMs))}`);
      signed.set(caller, { token, reuseUntilMs: nowMs + REUSE_MS });
      return token;
    },
  };
}

function claims({ userId, user, groups, method }: Caller, domain: string, nowMs: number): object {
  const nowSeconds = Math.floor(nowMs / 1000);
  return {
    iss: `https://${domain}`,
    aud: domain,
    sub: userId,
    // Only people have an address; `token:ci` and `certificate:...` are names.
    ...(user === "" ? {} : method === "oidc" ? { email: user } : { name: user }),
    groups,
    method,
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + LIFETIME_SECONDS,
  };
}

function signToken(key: KeyObject, text: string): string {
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
