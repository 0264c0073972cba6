import type { Diagnostic } from "../framework/diagnostics.ts";
import { durationText } from "../framework/duration.ts";
import type { FailureContext } from "../framework/resource.ts";
import { ApiFailure, NetworkFailure } from "./failure.ts";

/** A failure of the API in words, at the attribute it is about; undefined for failures of another kind. */
export function describeApiFailure(error: unknown, context: FailureContext): Diagnostic[] | undefined {
  if (error instanceof ApiFailure) return [describeAnswer(error, context)];
  if (error instanceof NetworkFailure) return [describeSilence(error, context)];
  return undefined;
}

/** The object is not the version that the request was made for. */
const PRECONDITION_FAILED = "request.precondition_failed";

function describeAnswer(failure: ApiFailure, context: FailureContext): Diagnostic {
  const path = failure.path === "" ? undefined : context.attributeOf(failure.path);
  const lines = [sentence(failure.message)];
  // The server knows the token is wrong, but not where it was set.
  const advice =
    failure.status === 401 || isUnknownPath(failure)
      ? [failure.hint, adviceFor(failure)]
      : [failure.hint || adviceFor(failure)];
  for (const line of advice) if (line !== "") lines.push(sentence(line));
  // A message that names a field which is no attribute of ours must still say which.
  if (failure.path !== "" && path === undefined) lines.push(`Field of the API: ${failure.path}.`);
  lines.push(`\n${answerLine(failure)}`);
  return {
    severity: "error",
    summary: summaryFor(failure, context.doing),
    detail: lines.join("\n"),
    path,
  };
}

function summaryFor(failure: ApiFailure, doing: string): string {
  switch (failure.status) {
    case 401:
      return `The token was not accepted (${doing})`;
    case 403:
      return `Not allowed to ${doing}`;
    case 404:
      return `Not found (${doing})`;
    case 412:
      return failure.code === PRECONDITION_FAILED
        ? `Changed by somebody else in the meantime (${doing})`
        : `Could not ${doing}`;
    case 409:
      return `Conflict with another object (${doing})`;
    case 400:
    case 422:
      return `The server refused the values (${doing})`;
    default:
      return `Could not ${doing}`;
  }
}

function adviceFor(failure: ApiFailure): string {
  switch (failure.status) {
    case 401:
      return "Check `token` of the provider block, or the environment variable NB_PAT.";
    case 403:
      return "The user of the token needs a role with this permission.";
    case 404:
      if (isUnknownPath(failure))
        return "Check `management_url` of the provider block, or NB_MANAGEMENT_URL: this may be no management server.";
      return failure.request.method === "GET" ? "" : "It was deleted outside Terraform; run the plan again.";
    case 409:
      return "Choose another name, or import the object that has it.";
    case 412:
      return failure.code === PRECONDITION_FAILED ? "Nothing was overwritten; run the plan again." : "";
    case 429:
      return "The server limits how often this token may ask.";
    default:
      return failure.status >= 500 ? "The server's log has the cause." : "";
  }
}

/** Not the object is unknown but the place: what can be made has one on every management server. */
function isUnknownPath({ status, code, request }: ApiFailure): boolean {
  return status === 404 && (code === "request.not_found" || (code === "" && request.method === "POST"));
}

function answerLine(failure: ApiFailure): string {
  const parts = [`${failure.request.method} ${failure.request.url} answered ${failure.status}`];
  if (failure.code !== "") parts.push(failure.code);
  if (failure.requestId !== "") parts.push(`request ${failure.requestId}`);
  if (failure.attempts > 1) parts.push(`${failure.attempts} attempts in ${durationText(failure.elapsedMs)}`);
  return ` ${parts.join(", ")}`;
}

/** Node's codes for a certificate that is not trusted. */
const CERTIFICATE_CODES = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function describeSilence(failure: NetworkFailure, { doing }: FailureContext): Diagnostic {
  const attempts = failure.attempts > 1 ? ` (${failure.attempts} attempts)` : "";
  const lines = [`${failure.request.method} ${failure.request.url}: ${failure.message}${attempts}.`];
  lines.push(
    failure.mayHaveHappened
      ? "The server may have done it. Run the plan again; an object that now exists unknown to Terraform can be imported."
      : CERTIFICATE_CODES.has(failure.code)
        ? "Nobody that this machine trusts vouches for the server's certificate. Set `ca_cert` of the provider block to the authority that does."
        : "Check `management_url` of the provider block, or NB_MANAGEMENT_URL, and that the server runs.",
  );
  return { severity: "error", summary: `No answer from the server (${doing})`, detail: lines.join("\n") };
}

function sentence(text: string): string {
  const trimmed = text.trim();
  // A name such as shop.example.com or targets[0] is not to be spelt with a capital.
  const word = /^[a-z]+(?=[\s,:])/.test(trimmed);
  const first = word ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1) : trimmed;
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
