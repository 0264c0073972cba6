import { Metadata, type ServiceError, status as Status } from "@grpc/grpc-js";
import { AppError, errorCodes } from "@netbird-proxy/proto";
import type { Logger } from "pino";

/** Trailer with `{code, message, hint}` in JSON: the catalogue's code, which a status alone cannot carry. */
export const ERROR_TRAILER = "netbird-error";

/** Ends a call with a status that is not the one the catalogue has for `error`, or that the catalogue has none for. */
export class CallFailure extends Error {
  readonly status: Status;
  readonly error: AppError | undefined;

  constructor(status: Status, message: string, error?: AppError) {
    super(message);
    this.name = "CallFailure";
    this.status = status;
    this.error = error;
  }
}

export type StatusForWire = Pick<ServiceError, "code" | "details" | "metadata"> & Error;

/** The only place where an error becomes a gRPC status. What nobody expected becomes a bare INTERNAL; the log has it. */
export function toStatus(error: unknown, log: Pick<Logger, "error">, method: string): StatusForWire {
  if (error instanceof CallFailure) return wireStatus(error.status, error.message, error.error);
  if (error instanceof AppError) {
    if (errorCodes[error.code].grpc === Status.INTERNAL) log.error({ err: error, method }, "a call failed");
    return wireStatus(errorCodes[error.code].grpc, error.message, error);
  }
  log.error({ err: error, method }, "a call failed");
  return wireStatus(Status.INTERNAL, "internal error");
}

function wireStatus(code: Status, message: string, error?: AppError): StatusForWire {
  const metadata = new Metadata();
  if (error) {
    const { code, message, hint } = error;
    metadata.set(ERROR_TRAILER, asciiJson({ code, message, hint }));
  }
  // grpc-js percent-encodes details and throws on half a surrogate pair.
  const details = Buffer.from(message).toString();
  return Object.assign(new Error(details), { code, details, metadata });
}

/** Metadata values are printable ASCII. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
