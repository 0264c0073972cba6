/** Everything below it on a service with sign-in is ours and never reaches a target. */
export const VISITOR_PATHS = "/.netbird/";
/** Starts single sign-on; `to` is where the visitor wants to be afterwards. */
export const SIGN_IN_PATH = "/.netbird/sign-in";
/** Where management sends the visitor back to. */
export const CALLBACK_PATH = "/.netbird/callback";
/** The secret of a share link follows. */
export const SHARE_PATH = "/.netbird/share/";
export const SIGN_OUT_PATH = "/.netbird/sign-out";
/** With which targets verify what X-NetBird-Identity says. */
export const JWKS_PATH = "/.netbird/jwks.json";

/**
 * An address on this host, for a redirect.
 *
 * @param wanted path and query as somebody sent them
 * @returns `/` for whatever would lead to another host
 */
export function localAddress(wanted: string): string {
  // A browser reads `\` as `/`, and leaves out tabs and line breaks.
  if (!/^\/(?![/\\])[\x21-\x7e]*$/.test(wanted)) return "/";
  const url = new URL(wanted, "https://host.invalid");
  if (url.origin !== "https://host.invalid") return "/";
  return url.pathname.replace(/^\/{2,}/, "/") + url.search;
}
