/** The cookie that carries a visitor's session, as NetBird names it. */
export const SESSION_COOKIE = "nb_session";
/** Says when the session was used last, where a service limits how long it may be left alone. */
export const USED_COOKIE = "nb_session_used";
/**
 * Ties a sign-in to the browser that began it. Browsers take `__Host-` from the host itself only, so that a sibling domain
 * cannot plant one (RFC 6265bis §4.1.3.2).
 */
export const BROWSER_COOKIE = "__Host-nb_sign_in";

/**
 * A Cookie header without our own cookies. Everything else stays byte for byte: cookies of real applications are often
 * not what RFC 6265 allows, and putting them together anew would lose them.
 *
 * @returns undefined when nothing is left
 */
export function withoutSessionCookie(value: string): string | undefined {
  if (!value.includes(SESSION_COOKIE) && !value.includes(BROWSER_COOKIE)) return value;
  const kept = value.split(";").filter((pair) => !isOurs(cookieName(pair)));
  const rest = kept.join(";").trimStart();
  return rest === "" ? undefined : rest;
}

/** The value of our cookie; of several, all of them, because a sibling domain may have set another in front of ours. */
export function sessionCookies(value: string): string[] {
  return valuesOf(value, SESSION_COOKIE);
}

/** Every value of a cookie in a Cookie header. */
export function valuesOf(header: string, name: string): string[] {
  if (!header.includes(name)) return [];
  return header
    .split(";")
    .filter((pair) => cookieName(pair) === name)
    .map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
}

function isOurs(name: string): boolean {
  return name === SESSION_COOKIE || name === BROWSER_COOKIE || name === USED_COOKIE;
}

function cookieName(pair: string): string {
  const equals = pair.indexOf("=");
  return (equals === -1 ? pair : pair.slice(0, equals)).trim();
}
