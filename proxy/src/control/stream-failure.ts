import { type ServiceError, status } from "@grpc/grpc-js";

/** What a failed call means for the next attempt. */
export interface StreamFailure {
  readonly code: number;
  readonly name: string;
  readonly message: string;
  /** Waiting less than this is pointless or makes it worse. */
  readonly waitAtLeastMs: number;
  /** Somebody has to change something; said louder than an outage. */
  readonly permanent: boolean;
  readonly hint: string;
}

export function streamFailure(error: unknown): StreamFailure {
  const { code = status.UNKNOWN, details = "" } = error as Partial<ServiceError>;
  const base = {
    code,
    name: status[code] ?? String(code),
    message: details || (error instanceof Error ? error.message : String(error)),
    waitAtLeastMs: 0,
    permanent: false,
    hint: "",
  };
  switch (code) {
    case status.UNAUTHENTICATED:
      return {
        ...base,
        // Five failures from one address lock it out on a stock server; one more every 12 s is allowed.
        waitAtLeastMs: 15_000,
        permanent: true,
        hint: "NB_PROXY_TOKEN is not accepted: make a new proxy token",
      };
    case status.PERMISSION_DENIED:
      return { ...base, waitAtLeastMs: 15_000, permanent: true, hint: "the token may not do this" };
    case status.ALREADY_EXISTS:
      return {
        ...base,
        waitAtLeastMs: 5000,
        permanent: true,
        hint: "another owner uses this NB_PROXY_DOMAIN or this proxy id",
      };
    case status.INVALID_ARGUMENT:
      return { ...base, waitAtLeastMs: 5000, permanent: true, hint: "check NB_PROXY_DOMAIN" };
    case status.RESOURCE_EXHAUSTED:
      return { ...base, waitAtLeastMs: 12_000, hint: "the server asks to slow down" };
    default:
      return base;
  }
}

export function isUnimplemented(error: unknown): boolean {
  return (error as Partial<ServiceError>).code === status.UNIMPLEMENTED;
}
