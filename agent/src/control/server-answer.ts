import { status as grpcStatus, type ServiceError } from "@grpc/grpc-js";

/** What a failed call means for us. */
export type Failure =
  /** The server, or the way to it, is down. Worth another attempt. */
  | { kind: "unreachable"; message: string }
  /** The server does not know this peer's token. */
  | { kind: "unauthenticated"; message: string }
  /** The server understood and said no; asking again gives the same answer. */
  | { kind: "refused"; code: string; message: string; hint: string };

interface ErrorDetails {
  code: string;
  message: string;
  hint: string;
}

/** Codes of calls that will fail the same way until somebody changes something. */
const refusals = new Set<number>([
  grpcStatus.INVALID_ARGUMENT,
  grpcStatus.NOT_FOUND,
  grpcStatus.ALREADY_EXISTS,
  grpcStatus.PERMISSION_DENIED,
  grpcStatus.FAILED_PRECONDITION,
]);

export function readFailure(error: ServiceError): Failure {
  const details = readDetails(error);
  const message = details?.message ?? error.details ?? error.message;
  // A gateway's own 401, 403 or 404 reaches us as UNAUTHENTICATED, PERMISSION_DENIED or UNIMPLEMENTED too.
  const fromGateway = details === undefined && /HTTP status code/i.test(message);
  if (fromGateway)
    return { kind: "unreachable", message: `something between here and the server: ${message}` };
  if (error.code === grpcStatus.UNAUTHENTICATED) return { kind: "unauthenticated", message };
  if (error.code === grpcStatus.UNIMPLEMENTED)
    return {
      kind: "unreachable",
      message: `${message}: the address answers, but not as a management server of this product`,
    };
  if (refusals.has(error.code))
    return { kind: "refused", code: details?.code ?? "", message, hint: details?.hint ?? "" };
  return { kind: "unreachable", message: explainTransport(message) };
}

/** The server's trailer `netbird-error`: JSON with code, message and hint. */
function readDetails(error: ServiceError): ErrorDetails | undefined {
  const value = error.metadata?.get("netbird-error")[0];
  if (value === undefined) return undefined;
  try {
    const { code, message, hint } = JSON.parse(value.toString()) as Record<string, unknown>;
    if (typeof code !== "string" || typeof message !== "string") return undefined;
    return { code, message, hint: typeof hint === "string" ? hint : "" };
  } catch {
    return undefined;
  }
}

function explainTransport(text: string): string {
  // grpc-js wraps the one thing that helps, such as "connect ECONNREFUSED 127.0.0.1:443".
  const message = text
    .replace(/^No connection established\. Last error: (Error: )?/, "")
    .replace(/\.? Resolution note: ?$/, "");
  if (/self.signed|unable to (get|verify)|CERT_|certificate/i.test(message))
    return `${message} (a private CA is trusted with --ca-file or NODE_EXTRA_CA_CERTS)`;
  if (/wrong version number|EPROTO/i.test(message))
    return `${message} (the port does not speak TLS; is it http:// instead of https://?)`;
  return message;
}
