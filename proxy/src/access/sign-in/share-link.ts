import { type Answer, answer } from "../../answer/catalogue.ts";
import { escapeHtml, page } from "../../answer/error-page.ts";
import type { Exchange } from "../../exchange.ts";
import { sessionCookieHeader, verifySession } from "../session.ts";
import { localAddress, SHARE_PATH } from "./visitor-paths.ts";

const shape = /^nbl_[0-9A-Za-z]{36}$/;

/**
 * Lets somebody in who has a share link. Looking at the link uses nothing up: programs that fetch links for previews come
 * before people do, so a person has to press a button.
 */
export function answerShareLink(x: Exchange): Answer | Promise<Answer> {
  const secret = x.path.slice(SHARE_PATH.length);
  // Behind this line nothing sees the secret, the access log included.
  x.path = SHARE_PATH;
  x.query = "";
  x.authMechanism = "link";
  const { method } = x.down;
  if (!shape.test(secret)) return answer("access.share_link_invalid");
  if (method === "POST") return redeem(x, secret);
  const host = escapeHtml(x.host);
  return answer("access.share_link", {
    page: page(
      `Shared with you: ${x.host}`,
      `<h1>${host} was shared with you</h1><form method="post"><button autofocus>Open ${host}</button></form>`,
    ),
  });
}

async function redeem(x: Exchange, secret: string): Promise<Answer> {
  const { id: serviceId, accountId, domain, access } = x.service!;
  const { authenticator, attempts } = x.parts;
  const guess = { serviceId, method: "link", address: x.clientAddress } as const;
  const taken = attempts.take(guess, Date.now());
  if (!taken.ok) {
    return answer("access.rate_limited", { headers: ["retry-after", String(taken.waitSeconds)] });
  }
  const redeemed = await authenticator.redeemShareLink({ accountId, serviceId, domain }, secret);
  if (!redeemed.ok) {
    if (redeemed.why === "invalid") return answer("access.share_link_invalid");
    attempts.giveBack(guess, { right: false });
    return answer("access.check_failed");
  }
  attempts.giveBack(guess, { right: true });
  x.caller = await verifySession(access, domain, redeemed.sessionToken, Date.now());
  // A proxy that has not heard of the link yet does not let its sessions in.
  if (x.caller === undefined) return answer("access.check_failed", { headers: ["retry-after", "1"] });
  const maxAge = Math.min(redeemed.lastsSeconds, access.sessionMaxAgeSeconds);
  return answer("access.share_link", {
    status: 303,
    headers: [
      "location",
      localAddress(redeemed.path),
      "set-cookie",
      sessionCookieHeader(redeemed.sessionToken, maxAge),
    ],
  });
}
