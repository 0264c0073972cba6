/**
 * Every answer that the proxy gives itself instead of a target's. Codes are contract, texts are for people.
 */
export const answerCodes = {
  "request.malformed": {
    status: 400,
    title: "Bad Request",
    message: "The request is not valid HTTP.",
    hint: "Check the client or the proxy in front of it.",
  },
  "service.not_found": {
    status: 404,
    title: "Service Not Found",
    message: "No service is published at this address.",
    hint: "Check the host name and the path, or ask whoever runs the service.",
  },
  "route.misdirected": {
    status: 421,
    title: "Misdirected Request",
    message: "This connection was made for another host.",
    hint: "Repeat the request on a new connection.",
  },
  "route.loop": {
    status: 421,
    title: "Loop Detected",
    message: "The target of this service leads back to this proxy.",
    hint: "Point the target at the backend itself, not at a published address.",
  },
  "route.https_only": {
    status: 308,
    title: "Permanent Redirect",
    message: "This service is only available over HTTPS.",
    hint: "Use the address in Location.",
  },
  "access.ip_restricted": {
    status: 403,
    title: "Forbidden",
    message: "Your address may not use this service.",
    hint: "Connect from an allowed network, or ask whoever runs the service.",
  },
  "access.country_restricted": {
    status: 403,
    title: "Forbidden",
    message: "This service is not available in your country.",
    hint: "Ask whoever runs the service.",
  },
  "access.geo_unavailable": {
    status: 403,
    title: "Forbidden",
    message: "The service is limited to some countries and this proxy cannot tell yours.",
    hint: "Ask whoever runs the service to limit it by address range.",
  },
  "access.crowdsec_ban": {
    status: 403,
    title: "Forbidden",
    message: "Your address is known for attacks and may not use this service.",
    hint: "If that is a mistake, ask whoever runs the service to remove the decision.",
  },
  "access.crowdsec_captcha": {
    status: 429,
    title: "Too Many Requests",
    message: "Your address is suspected of attacks and may send only few requests.",
    hint: "Sign in where the service offers it, or wait for the time in Retry-After.",
  },
  "access.crowdsec_throttle": {
    status: 429,
    title: "Too Many Requests",
    message: "Your address is suspected of attacks and is slowed down.",
    hint: "Wait for the time in Retry-After, or ask whoever runs the service to remove the decision.",
  },
  "access.crowdsec_unavailable": {
    status: 403,
    title: "Forbidden",
    message: "The service wants a reputation check that this proxy does not have.",
    hint: "Ask whoever runs the service to turn the check off.",
  },
  "access.rule_denied": {
    status: 403,
    title: "Forbidden",
    message: "This part of the service may not be used.",
    hint: "Ask whoever runs the service.",
  },
  "access.ambiguous_path": {
    status: 400,
    title: "Bad Request",
    message: "The path can be read in several ways, for which different rules apply.",
    hint: "Send the path without dot segments, doubled slashes and encoded slashes, and in the service's own spelling.",
  },
  "access.too_many_requests": {
    status: 429,
    title: "Too Many Requests",
    message: "There were more requests from your address than this service takes.",
    hint: "Wait for the time in Retry-After.",
  },
  "access.private": {
    status: 403,
    title: "Forbidden",
    message: "This service can only be reached from inside its network.",
    hint: "Connect to the network first.",
  },
  "access.not_in_group": {
    status: 403,
    title: "Forbidden",
    message: "Your device may not use this service.",
    hint: "Ask whoever runs the network to put it into one of the service's groups.",
  },
  "access.undecided": {
    status: 403,
    title: "Forbidden",
    message: "The service has no access rule that this proxy knows.",
    hint: "Ask whoever runs the service to update the proxy.",
  },
  "access.login_required": {
    status: 401,
    title: "Sign In",
    message: "This service asks who you are.",
    hint: "Sign in with a browser, or send the credential that the service asks for.",
  },
  "access.credentials_wrong": {
    status: 401,
    title: "Sign In",
    message: "That was not right.",
    hint: "Check the credential and try again.",
  },
  "access.token_invalid": {
    status: 401,
    title: "Token Not Valid",
    message: "The service token is unknown, withdrawn or expired.",
    hint: "Ask whoever runs the service for a new one.",
  },
  "access.share_link": {
    status: 200,
    title: "Shared With You",
    message: "Somebody shared this service with you.",
    hint: "Open the link in a browser, or send a POST request to it.",
  },
  "access.share_link_invalid": {
    status: 403,
    title: "Link Not Valid",
    message: "This link is unknown, withdrawn, expired or used up.",
    hint: "Ask whoever gave it to you for a new one.",
  },
  "access.form_too_large": {
    status: 413,
    title: "Form Too Large",
    message: "Without a session only a sign-in form is taken here, and none is as large as this one.",
    hint: "Sign in first, then send it again.",
  },
  "access.rate_limited": {
    status: 429,
    title: "Too Many Attempts",
    message: "There were too many wrong attempts.",
    hint: "Wait for the time in Retry-After.",
  },
  "access.denied": {
    status: 403,
    title: "Access Denied",
    message: "You are signed in, and may not use this service.",
    hint: "Ask whoever runs the service.",
  },
  "access.sign_in_expired": {
    status: 400,
    title: "Sign-In Not Completed",
    message: "The sign-in took too long, was completed before, or was begun in another browser.",
    hint: "Go to the service again and sign in.",
  },
  "access.sign_out": {
    status: 200,
    title: "Sign Out",
    message: "Nobody is signed out by looking at this address.",
    hint: "Send a POST request to it.",
  },
  "access.signed_out": {
    status: 200,
    title: "Signed Out",
    message: "You are signed out of this service.",
    hint: "Go to the service again to sign in.",
  },
  "access.identity_keys": {
    status: 200,
    title: "Identity Keys",
    message: "The keys with which this proxy signs who a visitor is.",
    hint: "Verify the header X-NetBird-Identity with them.",
  },
  "access.check_failed": {
    status: 502,
    title: "Sign-In Unavailable",
    message: "The credential cannot be checked right now.",
    hint: "Try again in a moment.",
  },
  "proxy.overloaded": {
    status: 503,
    title: "Service Busy",
    message: "Too many requests to this service are under way.",
    hint: "Try again in a moment.",
  },
  "upstream.refused": {
    status: 502,
    title: "Service Unavailable",
    message: "Nothing listens at the service's target.",
    hint: "Start the service on the target, or correct its port.",
  },
  "upstream.peer_not_connected": {
    status: 502,
    title: "Peer Not Connected",
    message: "The machine that runs this service cannot be reached.",
    hint: "Check that its agent runs and is connected.",
  },
  "upstream.unresolved": {
    status: 502,
    title: "Service Unavailable",
    message: "The name of the service's target does not resolve.",
    hint: "Correct the target's name.",
  },
  "upstream.tls_failed": {
    status: 502,
    title: "Connection Error",
    message: "The target's TLS certificate is not accepted.",
    hint: "Install a certificate that matches the target, or set skip_tls_verify.",
  },
  "upstream.connection_failed": {
    status: 502,
    title: "Connection Error",
    message: "The connection to the service broke.",
    hint: "Try again; if it stays, look at the service's own log.",
  },
  "upstream.bad_response": {
    status: 502,
    title: "Connection Error",
    message: "The service answered with something that is not HTTP.",
    hint: "Check the protocol and the port of the target.",
  },
  "upstream.timeout": {
    status: 504,
    title: "Service Timeout",
    message: "The service did not answer in time.",
    hint: "Try again; if it stays, raise request_timeout or look at the service.",
  },
  internal: {
    status: 500,
    title: "Internal Error",
    message: "The proxy failed to handle this request.",
    hint: "Look for the request id in the proxy's log.",
  },
} as const satisfies Record<string, { status: number; title: string; message: string; hint: string }>;

export type AnswerCode = keyof typeof answerCodes;

/** What the proxy says itself instead of forwarding. */
export interface Answer {
  readonly code: AnswerCode;
  /** Further headers, name and value by turns. */
  readonly headers?: readonly string[];
  /** A page instead of the usual one, for browsers. */
  readonly page?: string | undefined;
  /** This document instead of the usual one, whatever the visitor accepts. */
  readonly json?: string;
  /** Further members of the JSON answer, for programs. */
  readonly fields?: Readonly<Record<string, number>>;
  /** Instead of the code's own status, for redirects. */
  readonly status?: number;
}

export function answer(code: AnswerCode, more?: Omit<Answer, "code">): Answer {
  return more === undefined ? { code } : { code, ...more };
}
