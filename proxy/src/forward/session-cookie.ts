/** The cookie that carries a visitor's session, as NetBird names it. */
export const SESSION_COOKIE = "nb_session";

/**
 * A Cookie header without our own cookie. Everything else stays byte for byte: cookies of real applications are often
 * not what RFC 6265 allows, and putting them together anew would lose them.
 *
 * @returns undefined when nothing is left
 */
export function withoutSessionCookie(value: string): string | undefined {
  if (!value.includes(SESSION_COOKIE)) return value;
  const kept = value.split(";").filter((pair) => cookieName(pair) !== SESSION_COOKIE);
  const rest = kept.join(";").trimStart();
  return rest === "" ? undefined : rest;
}

/** The value of our cookie; of several, all of them, because a sibling domain may have set another in front of ours. */
export function sessionCookies(value: string): string[] {
  if (!value.includes(SESSION_COOKIE)) return [];
  return value
    .split(";")
    .filter((pair) => cookieName(pair) === SESSION_COOKIE)
    .map((pair) => pair.slice(pair.indexOf("=") + 1).trim());
}

function cookieName(pair: string): string {
  const equals = pair.indexOf("=");
  return (equals === -1 ? pair : pair.slice(0, equals)).trim();
}
