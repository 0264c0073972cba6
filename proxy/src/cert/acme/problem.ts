import type { ReasonCode } from "@netbird-proxy/proto";

/** A problem document of the certificate authority. Source: RFC 8555 §6.7, RFC 7807. */
export interface ProblemDocument {
  readonly type?: string;
  readonly detail?: string;
  readonly status?: number;
  readonly subproblems?: readonly {
    type?: string;
    detail?: string;
    identifier?: { value?: string };
  }[];
}

/** The authority refused something, in its own words. */
export class AcmeProblem extends Error {
  readonly document: ProblemDocument;
  readonly httpStatus: number;
  /** From `Retry-After`; undefined when the answer had none. */
  readonly retryAfterMs: number | undefined;

  constructor(document: ProblemDocument, httpStatus: number, retryAfterMs?: number) {
    super(document.detail || `the certificate authority answered with status ${httpStatus}`);
    this.name = "AcmeProblem";
    this.document = document;
    this.httpStatus = httpStatus;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The record that answers dns-01 could not be written. */
export class DnsProblem extends Error {
  readonly reason: ReasonCode;

  constructor(reason: ReasonCode, message: string) {
    super(message);
    this.name = "DnsProblem";
    this.reason = reason;
  }
}

/** Why there is no certificate, for people and for the schedule. */
export interface IssueFailure {
  readonly reason: ReasonCode;
  readonly message: string;
  /** The authority asked not to come back before; milliseconds from now. */
  readonly retryAfterMs: number | undefined;
  /** "authority": every name would meet the same failure now. */
  readonly scope: "name" | "authority";
  /** The authority counts these against the name, so they are repeated more slowly. */
  readonly counted: boolean;
}

const kinds: Record<string, ReasonCode> = {
  caa: "certificate.caa_forbids",
  connection: "certificate.unreachable",
  dns: "certificate.dns",
  tls: "certificate.challenge_failed",
  unauthorized: "certificate.challenge_failed",
  incorrectResponse: "certificate.challenge_failed",
  rateLimited: "certificate.rate_limited",
  rejectedIdentifier: "certificate.name_rejected",
  unsupportedIdentifier: "certificate.name_rejected",
  externalAccountRequired: "certificate.account_refused",
  accountDoesNotExist: "certificate.account_refused",
  userActionRequired: "certificate.account_refused",
  badPublicKey: "certificate.account_refused",
};

const ofAccount = new Set(["externalAccountRequired", "accountDoesNotExist", "userActionRequired"]);

/** Says what a failed order means. */
export function classifyFailure(error: unknown, name: string): IssueFailure {
  if (error instanceof AcmeProblem) return classifyProblem(error, name);
  if (error instanceof DnsProblem) {
    const { reason, message } = error;
    // An order was made that comes to nothing, so not often; but a provider that is down may be back soon.
    const counted = reason !== "certificate.dns_provider_unreachable" && reason !== "dns.lookup_failed";
    return { reason, message, retryAfterMs: undefined, scope: "name", counted };
  }
  const { message, code } = error as NodeJS.ErrnoException;
  return {
    reason: "certificate.authority_unreachable",
    message: `the certificate authority does not answer: ${message || code || "no reason given"}`,
    retryAfterMs: undefined,
    scope: "authority",
    counted: false,
  };
}

function classifyProblem(problem: AcmeProblem, name: string): IssueFailure {
  const { document, httpStatus, retryAfterMs } = problem;
  // What is said about the name itself is more exact than what is said about the order.
  const own = document.subproblems?.find(({ identifier }) => identifier?.value?.toLowerCase() === name);
  const type = (own?.type ?? document.type ?? "").split(":").at(-1)!;
  const message = own?.detail || document.detail || problem.message;
  const reason = kinds[type];
  if (reason === "certificate.rate_limited" || httpStatus === 429) {
    return {
      reason: "certificate.rate_limited",
      message,
      retryAfterMs: retryAfterMs ?? retryAfterFromText(message),
      // Limits of a name or its domain say so; all others hold for every order of the account.
      scope: mentions(message, name) ? "name" : "authority",
      counted: true,
    };
  }
  if (reason !== undefined) {
    const scope = ofAccount.has(type) ? "authority" : "name";
    return { reason, message, retryAfterMs, scope, counted: true };
  }
  const overloaded = httpStatus >= 500;
  return {
    reason: overloaded ? "certificate.authority_unreachable" : "certificate.failed",
    message: type === "" ? message : `${message} (${type})`,
    retryAfterMs,
    scope: overloaded ? "authority" : "name",
    counted: !overloaded,
  };
}

function mentions(message: string, name: string): boolean {
  const labels = name.split(".");
  for (let at = 0; at < labels.length - 1; at++) {
    if (message.toLowerCase().includes(labels.slice(at).join("."))) return true;
  }
  return false;
}

/** Let's Encrypt says it in the text too: `retry after 2026-01-02 03:04:05 UTC`. */
function retryAfterFromText(message: string): number | undefined {
  const match = /retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)/i.exec(message);
  if (match === null) return undefined;
  const waitMs = Date.parse(`${match[1]}T${match[2]}Z`) - Date.now();
  return waitMs > 0 ? waitMs : undefined;
}

/** `Retry-After` as seconds or as a date (RFC 9110 §10.2.3). @returns milliseconds from now */
export function parseRetryAfter(value: unknown, nowMs: number): number | undefined {
  if (typeof value !== "string" || value === "") return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
