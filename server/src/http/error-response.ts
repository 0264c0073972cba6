import { AppError, type ErrorCode, errorCodes } from "@netbird-proxy/proto";
import type { ErrorBody } from "@netbird-proxy/proto/rest";
import type { FastifyError, FastifySchemaValidationError } from "fastify";
import { translateDriverError } from "../store/driver-errors.ts";

/** What to answer, and what belongs into the log. */
export interface ErrorResponse {
  status: number;
  body: ErrorBody;
  /** Set when the failure is ours. */
  cause?: unknown;
  /** For the header Retry-After. */
  retryAfterSeconds?: number | undefined;
}

/** The only place where a code turns into an HTTP status. Unknown errors tell nothing but the request id. */
export function errorResponse(
  error: unknown,
  { requestId, invalidCode }: { requestId: string; invalidCode?: ErrorCode },
): ErrorResponse {
  const known = asAppError(error, invalidCode);
  if (!known) {
    return {
      status: 500,
      body: body(500, "internal", "internal server error", "", errorCodes.internal.hint, requestId),
      cause: error,
    };
  }
  const { http } = errorCodes[known.code];
  const ours = http >= 500;
  return {
    status: http,
    body: body(http, known.code, known.message, known.path, known.hint, ours ? requestId : undefined),
    cause: ours ? known : undefined,
    retryAfterSeconds: known.retryAfterSeconds,
  };
}

function body(
  status: number,
  code: ErrorCode,
  message: string,
  path: string,
  hint: string,
  requestId?: string,
): ErrorBody {
  return {
    message,
    code: status,
    error: { code, path, hint, ...(requestId === undefined ? {} : { request_id: requestId }) },
  };
}

function asAppError(thrown: unknown, invalidCode: ErrorCode = "request.invalid"): AppError | undefined {
  const error = translateDriverError(thrown);
  if (error instanceof AppError) return error;
  const { code, validation, message } = error as Partial<FastifyError>;
  if (validation?.[0]) return asSchemaError(validation[0], message ?? "", invalidCode);
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new AppError("request.too_large", "the body is too large");
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return new AppError("request.malformed", "the body does not have the announced length");
    case "FST_ERR_BAD_URL":
      return new AppError("request.malformed", "the URL cannot be decoded");
  }
  return undefined;
}

/** A wrong JSON type is a malformed request; anything else a schema forbids is an invalid one. */
function asSchemaError(
  // `data` is there because the validator is `verbose`.
  failure: FastifySchemaValidationError & { data?: unknown },
  message: string,
  invalidCode: ErrorCode,
): AppError {
  const path = fieldPath(failure);
  // Every value that we enumerate is a string, so another type is wrong before the value is.
  const wrongType = failure.keyword === "enum" && typeof failure.data !== "string";
  if (wrongType) {
    return new AppError("request.malformed", `${path || "the body"} must be string`, { path });
  }
  if (failure.keyword === "type") {
    return new AppError("request.malformed", `${path || "the body"} ${failure.message ?? message}`, { path });
  }
  const allowed = failure.params?.allowedValues;
  const what =
    failure.keyword === "required"
      ? "is required"
      : Array.isArray(allowed)
        ? `must be one of ${allowed.filter((value) => value !== "").join(", ")}`
        : (failure.message ?? message);
  return new AppError(invalidCode, `${path || "the body"} ${what}`, { path });
}

/** `/targets/1/port` as `targets[1].port`. */
function fieldPath({ instancePath, keyword, params }: FastifySchemaValidationError): string {
  const parts = instancePath.split("/").slice(1);
  if (keyword === "required") parts.push(String(params.missingProperty));
  return parts
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "");
}
