import { type Answer, answer } from "../../answer/catalogue.ts";
import { escapeHtml, page } from "../../answer/error-page.ts";
import type { Exchange } from "../../exchange.ts";
import { SESSION_COOKIE, sessionCookies, USED_COOKIE } from "../../forward/session-cookie.ts";
import { sessionHash } from "../ended-sessions.ts";
import type { AccessPolicy } from "../policy.ts";
import { knownSession, verifySession } from "../session.ts";
import { answerShareLink } from "./share-link.ts";
import { beginSignIn, completeSignIn } from "./single-sign-on.ts";
import {
  CALLBACK_PATH,
  JWKS_PATH,
  localAddress,
  SHARE_PATH,
  SIGN_IN_PATH,
  SIGN_OUT_PATH,
  VISITOR_PATHS,
} from "./visitor-paths.ts";

/** Answers everything below `/.netbird/` of a service with sign-in; of a private one, only the keys of identity tokens. */
export function answerVisitorPaths(x: Exchange): Answer | undefined | Promise<Answer> {
  const { access } = x.service!;
  if (!asksVisitors(access) || !x.path.startsWith(VISITOR_PATHS)) return undefined;
  const { method, upgrade } = x.down;
  if (upgrade !== undefined) return answer("service.not_found");
  if (x.path === JWKS_PATH && access.identity !== undefined && method === "GET")
    return answer("access.identity_keys", { json: access.identity.jwks });
  if (access.private) return answer("service.not_found");
  if (x.path === SIGN_OUT_PATH) return signOut(x);
  if (x.path.startsWith(SHARE_PATH) && access.shareLink) return answerShareLink(x);
  if (method !== "GET" || !access.oidc) return answer("service.not_found");
  if (x.path === SIGN_IN_PATH) {
    return beginSignIn(x, localAddress(new URLSearchParams(x.query).get("to") ?? "/"));
  }
  return x.path === CALLBACK_PATH ? completeSignIn(x) : answer("service.not_found");
}

/** Whether the paths below `/.netbird/` are ours rather than the target's. */
export function asksVisitors({ authenticated, private: isPrivate }: AccessPolicy): boolean {
  return authenticated || isPrivate;
}

/** A link or an image must not sign anybody out, so looking only asks, and another site's form counts as looking. */
async function signOut(x: Exchange): Promise<Answer> {
  const from = x.header("sec-fetch-site");
  if (x.down.method === "POST" && (from === undefined || from === "same-origin" || from === "none")) {
    await endSessions(x);
    return answer("access.signed_out", {
      headers: [SESSION_COOKIE, USED_COOKIE].flatMap((name) => [
        "set-cookie",
        `${name}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax`,
      ]),
    });
  }
  const { host } = x;
  return answer("access.sign_out", {
    page: page(
      `Sign out of ${host}`,
      `<h1>Sign out of ${escapeHtml(host)}?</h1><form method="post"><button>Sign out</button></form>`,
    ),
  });
}

/** Here at once, everywhere else within seconds; while the server is away, here only. */
async function endSessions(x: Exchange): Promise<void> {
  const { access, accountId, domain, id: serviceId } = x.service!;
  const nowMs = Date.now();
  for (const token of sessionCookies(x.joined("cookie", "; ") ?? "").slice(0, 4)) {
    // Only what is a session is worth remembering.
    if ((await verifySession(access, domain, token, nowMs)) === undefined) continue;
    const { expiresAtMs } = knownSession(access, token, nowMs)!;
    access.ended.end([[sessionHash(token), expiresAtMs]], nowMs);
    await x.parts.authenticator.end({ accountId, serviceId, domain }, token);
  }
}
