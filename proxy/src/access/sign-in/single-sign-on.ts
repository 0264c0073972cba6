import { type Answer, answer } from "../../answer/catalogue.ts";
import { escapeHtml, page } from "../../answer/error-page.ts";
import type { Exchange } from "../../exchange.ts";
import type { SignInTarget } from "../authenticator.ts";
import type { AccessPolicy } from "../policy.ts";
import { sessionCookieHeader, verifySession } from "../session.ts";
import { browserCookieHeader, browserHash, browserSecret, secretFor } from "./browser-secret.ts";
import { localAddress } from "./visitor-paths.ts";

/** In NetBird's own flow the session comes back in the address. */
const SESSION_PARAMETER = "session_token";

/** Source: reference §10.4. */
const reasons: Record<string, string> = {
  not_in_group: "You are in none of the groups that may use this service.",
  pending_approval: "Your account waits for an administrator's approval.",
  user_blocked: "Your account is blocked.",
  user_not_found: "Your account belongs to another organisation.",
};

/** Sends the browser to the identity provider. @param to where it wants to be afterwards, from {@link localAddress} */
export async function beginSignIn(x: Exchange, to: string): Promise<Answer> {
  const secret = secretFor(x);
  x.authMechanism = "oidc";
  const returnUrl = `https://${x.authority}${to}`;
  const started = await x.parts.authenticator.begin(target(x), returnUrl, browserHash(secret));
  if (!started.ok) return answer("access.check_failed", { headers: ["retry-after", "5"] });
  const cookie = browserCookieHeader({ secret, bound: started.bound });
  return redirect(302, started.url, cookie);
}

/** The visitor is back with a code. */
export async function completeSignIn(x: Exchange): Promise<Answer> {
  x.authMechanism = "oidc";
  const code = new URLSearchParams(x.query).get("code") ?? "";
  const browser = browserSecret(x);
  // Without the secret the code is somebody else's, or this browser takes no cookies.
  if (browser === undefined || code === "") return answer("access.sign_in_expired");
  const redeemed = await x.parts.authenticator.redeem(target(x), code, browser.secret);
  if (!redeemed.ok) {
    if (redeemed.why === "refused") return denied(x, redeemed.refusal);
    return answer(redeemed.why === "unknown" ? "access.sign_in_expired" : "access.check_failed");
  }
  const { pathname, search } = new URL(redeemed.returnUrl);
  return admit(x, redeemed.sessionToken, localAddress(pathname + search));
}

/**
 * Takes the session that a stock server puts into the address, and takes it out of there. It counts only in a browser that
 * began a sign-in here with a server that knows no codes: in anybody else's address it is a session that a stranger wants
 * the visitor to use, or a parameter of the application.
 */
export async function takeSessionParameter(x: Exchange, policy: AccessPolicy): Promise<Answer | undefined> {
  if (!policy.oidc || x.down.method !== "GET" || x.query === "") return undefined;
  const query = new URLSearchParams(x.query);
  const isDenied = query.get("error") === "access_denied";
  const token = query.get(SESSION_PARAMETER);
  if ((token === null && !isDenied) || browserSecret(x)?.bound !== false) return undefined;
  x.authMechanism = "oidc";
  if (token === null) return denied(x, query.get("error_description") ?? "");
  const rest = x.query
    .slice(1)
    .split("&")
    .filter((pair) => !pair.startsWith(`${SESSION_PARAMETER}=`))
    .join("&");
  return admit(x, token, localAddress(rest === "" ? x.path : `${x.path}?${rest}`));
}

/** Sets the session and leads to where the visitor wanted to be, when the session is one of this service. */
async function admit(x: Exchange, token: string, to: string): Promise<Answer> {
  const { access, domain } = x.service!;
  const verified = await verifySession(access, domain, token, Date.now());
  if (verified?.method !== "oidc") return answer("access.sign_in_expired");
  // Nobody is in yet: unlike a request with a session, this does not pass unasked while the server is away.
  const standing = await x.parts.authenticator.standing(domain, token);
  if (standing.kind !== "valid") {
    access.sessions.delete(token);
    return standing.kind === "denied"
      ? denied(x, reasons[standing.reason] ?? "")
      : answer("access.check_failed");
  }
  return redirect(303, to, sessionCookieHeader(token, access.sessionMaxAgeSeconds));
}

/** @param why from management; it may come by way of the address, so it is only text */
function denied(x: Exchange, why: string): Answer {
  const text = why.slice(0, 200);
  return answer("access.denied", {
    page: page(
      "Access denied",
      `<h1>Access denied</h1><p role="alert">${escapeHtml(text)}</p><p>Ask whoever runs the service.</p>
<p><small>403 · access.denied · ${escapeHtml(x.host)} · request ${escapeHtml(x.requestId)}</small></p>`,
    ),
  });
}

function redirect(status: 302 | 303, location: string, cookie: string): Answer {
  return answer("access.login_required", { status, headers: ["location", location, "set-cookie", cookie] });
}

function target(x: Exchange): SignInTarget {
  const { accountId, id, domain } = x.service!;
  return { accountId, serviceId: id, domain };
}
