/** Which request a failure belongs to. The URL has no credentials in it. */
export interface RequestInfo {
  readonly method: string;
  readonly url: string;
}

/** The server answered, with a status that is no success. */
export class ApiFailure extends Error {
  readonly request: RequestInfo;
  readonly status: number;
  /** Our server's code such as `service.domain_taken`; empty from others. */
  readonly code: string;
  /** The field it is about, in the API's spelling; may be empty. */
  readonly path: string;
  readonly hint: string;
  readonly requestId: string;
  readonly attempts: number;
  readonly elapsedMs: number;

  constructor(
    request: RequestInfo,
    answer: {
      status: number;
      message: string;
      code?: string;
      path?: string;
      hint?: string;
      requestId?: string;
      attempts: number;
      elapsedMs: number;
    },
  ) {
    super(answer.message);
    this.name = "ApiFailure";
    this.request = request;
    this.status = answer.status;
    this.code = answer.code ?? "";
    this.path = answer.path ?? "";
    this.hint = answer.hint ?? "";
    this.requestId = answer.requestId ?? "";
    this.attempts = answer.attempts;
    this.elapsedMs = answer.elapsedMs;
  }
}

/** No answer, or none that could be understood. */
export class NetworkFailure extends Error {
  readonly request: RequestInfo;
  /** Node's code such as ECONNREFUSED; empty when there is none. */
  readonly code: string;
  /** True when the server may have done what was asked. */
  readonly mayHaveHappened: boolean;
  readonly attempts: number;

  constructor(
    request: RequestInfo,
    options: { message: string; code: string; mayHaveHappened: boolean; attempts: number; cause?: unknown },
  ) {
    super(options.message, { cause: options.cause });
    this.name = "NetworkFailure";
    this.request = request;
    this.code = options.code;
    this.mayHaveHappened = options.mayHaveHappened;
    this.attempts = options.attempts;
  }
}

/** Gone is a status, never a wording; a refusal (403) is not gone. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 404;
}

/** True when a write was sent and nobody knows whether it took effect. */
export function mayHaveHappened(error: unknown): boolean {
  if (error instanceof NetworkFailure) return error.mayHaveHappened;
  return error instanceof ApiFailure && (error.status === 502 || error.status === 504);
}
