import { createHash, randomInt } from "node:crypto";
import { crc32 } from "node:zlib";

/** Longer than anybody keeps a key or token; far beyond it, dates have no text form. */
export const MAX_LIFETIME_SECONDS = 100 * 365 * 86_400;

/** `nbp_` personal access token, `nbx_` proxy token, `nbi_` invite, `nba_` agent token; `nbs_` service token
 * and `nbl_` share link, which proxies take. */
export type TokenPrefix = "nbp_" | "nbx_" | "nbi_" | "nba_" | "nbs_" | "nbl_";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
const TOKEN_LENGTH = 4 + SECRET_LENGTH + CHECKSUM_LENGTH;

/** 40 characters: prefix, 30 random ones of base 62, and a checksum that catches typing and copying errors. */
export function newToken(prefix: TokenPrefix): string {
  let secret = "";
  for (let n = 0; n < SECRET_LENGTH; n += 1) secret += ALPHABET[randomInt(ALPHABET.length)];
  return prefix + secret + tokenChecksum(secret);
}

/** CRC-32 (IEEE) of the secret in base 62, big-endian, padded with `0` to 6 characters. */
export function tokenChecksum(secret: string): string {
  let rest = crc32(secret);
  let text = "";
  while (rest > 0) {
    text = ALPHABET[rest % 62] + text;
    rest = Math.floor(rest / 62);
  }
  return text.padStart(CHECKSUM_LENGTH, "0");
}

/** True for a token that was copied whole; says nothing about whether it exists. */
export function isWellFormedToken(token: string, prefix: TokenPrefix): boolean {
  if (token.length !== TOKEN_LENGTH || !token.startsWith(prefix)) return false;
  const secret = token.slice(4, 4 + SECRET_LENGTH);
  return /^[0-9A-Za-z]+$/.test(secret) && tokenChecksum(secret) === token.slice(-CHECKSUM_LENGTH);
}

/** How tokens are stored: padded standard base64 of SHA-256 over the whole token. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("base64");
}
