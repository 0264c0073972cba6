import { createHash, randomBytes } from "node:crypto";
import type { Exchange } from "../../exchange.ts";
import { BROWSER_COOKIE, valuesOf } from "../../forward/session-cookie.ts";

/** As long as management remembers a sign-in. */
const MAX_AGE_SECONDS = 600;

/** What ties a sign-in to the browser that began it. */
export interface BrowserSecret {
  readonly secret: Buffer;
  /** The visitor comes back with a code that needs the secret; otherwise, with a stock server, with a session. */
  readonly bound: boolean;
}

/** The secret of a sign-in that this browser began within ten minutes. */
export function browserSecret(x: Exchange): BrowserSecret | undefined {
  const cookie = x.joined("cookie", "; ") ?? "";
  const match = /^([bs])\.([\w-]{43})$/.exec(valuesOf(cookie, BROWSER_COOKIE)[0] ?? "");
  if (match === null) return undefined;
  return { secret: Buffer.from(match[2]!, "base64url"), bound: match[1] === "b" };
}

/** The secret for another sign-in: the same one, so that two tabs may be under way at once. */
export function secretFor(x: Exchange): Buffer {
  return browserSecret(x)?.secret ?? randomBytes(32);
}

export function browserHash(secret: Buffer): Buffer {
  return createHash("sha256").update(secret).digest();
}

export function browserCookieHeader({ secret, bound }: BrowserSecret): string {
  const value = `${bound ? "b" : "s"}.${secret.toString("base64url")}`;
  return `${BROWSER_COOKIE}=${value}; Path=/; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; Secure; SameSite=Lax`;
}
