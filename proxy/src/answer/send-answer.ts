import type { Exchange } from "../exchange.ts";
import type { Brand } from "./branding.ts";
import { type Answer, answerCodes } from "./catalogue.ts";
import { errorPage } from "./error-page.ts";
import { pageStyleSource } from "./page-style.ts";

/** What every page of ours carries: nobody frames it, keeps it, or gets anything loaded by it. */
const pageHeaders = [
  "cache-control",
  "no-store",
  "x-frame-options",
  "DENY",
  "x-content-type-options",
  "nosniff",
  "referrer-policy",
  "no-referrer",
];

/** Nothing but the page's own style; of a brand its colour, and its logo, which is part of the page as well. */
function contentSecurityPolicy(brand: Brand | undefined): string {
  const images = brand === undefined || brand.logo === "" ? "" : " img-src data:;";
  return `default-src 'none'; style-src ${pageStyleSource}${brand?.styleSource ?? ""};${images} form-action 'self'; frame-ancestors 'none'; base-uri 'none'`;
}

const robots = Buffer.from("User-agent: *\nDisallow: /\n");

/**
 * Answers instead of the target: a page for browsers, JSON `{code, message, hint, request_id}` for everybody else.
 */
export function sendAnswer(x: Exchange, answer: Answer): void {
  const { down } = x;
  const entry = answerCodes[answer.code];
  let status = answer.status ?? entry.status;
  let type = "application/json";
  let body: Buffer;
  if (status >= 300 && status < 400) {
    type = "text/plain; charset=utf-8";
    body = Buffer.alloc(0);
  } else if (x.path === "/robots.txt" && status !== 400 && status < 500) {
    // No search engine should list a login page under the name of the service.
    status = 200;
    type = "text/plain; charset=utf-8";
    body = robots;
  } else if (answer.json !== undefined) {
    body = Buffer.from(answer.json);
  } else if (wantsPage(x)) {
    type = "text/html; charset=utf-8";
    body = Buffer.from(answer.page ?? errorPage(answer.code, x.requestId, x.host));
  } else {
    body = Buffer.from(
      `${JSON.stringify({
        code: answer.code,
        message: entry.message,
        hint: entry.hint,
        ...answer.fields,
        request_id: x.requestId,
      })}\n`,
    );
  }
  const headers = ["content-type", type, "content-length", String(body.length), ...pageHeaders];
  headers.push("content-security-policy", contentSecurityPolicy(x.parts.branding.of(x.service?.accountId)));
  if (answer.headers !== undefined) headers.push(...answer.headers);
  if (x.answerHeaders !== undefined) headers.push(...x.answerHeaders);
  // The rest of an unread body would have to be read before the next request; a new connection is cheaper.
  if (down.body !== undefined) {
    if (down.httpVersion !== "2") headers.push("connection", "close");
    down.refuseRest();
  }
  // RFC 9110 §15.5.2: a 401 names a challenge; this one is of no scheme that a browser would open its own window for.
  if (status === 401) headers.push("www-authenticate", `NetBird realm="${x.host}"`);
  if (
    status === 401 &&
    x.service?.access.serviceTokens !== undefined &&
    answer.code === "access.login_required"
  )
    headers.push("www-authenticate", `Bearer realm="${x.host}"`);
  x.status = status;
  x.answer = answer;
  down.onDrain = undefined;
  down.onClose = (complete) => x.parts.finished(x, complete);
  const hasBody = down.method !== "HEAD" && body.length > 0;
  down.head(status, headers, hasBody);
  if (hasBody) down.write(body);
  down.end();
}

/** Browsers name text/html; programs say nothing, take anything, or name their own type. */
export function wantsPage(x: Exchange): boolean {
  if (x.down.upgrade !== undefined) return false;
  const accept = x.joined("accept") ?? "";
  // RFC 9110 §12.4.2: a weight of 0 means "not this".
  return /(?:^|,)\s*(?:text\/html|application\/xhtml\+xml)\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))|,|$)/i.test(
    accept,
  );
}
