import { type handleUnaryCall, status as Status } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { beginVisitorSignIn } from "../../commands/visitor-sign-in.ts";
import { CallFailure } from "../call-failure.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

/** Where a visitor of a service signs in. Source: reference §10.3. */
export function getOidcUrl({
  context,
  identity,
  log,
}: GrpcPorts): handleUnaryCall<management.GetOIDCURLRequest, management.GetOIDCURLResponse> {
  return unary(log, async (call) => {
    const { accountId, redirectUrl, browserHash } = call.request;
    requireAccount(proxyCallerOf(call).token, accountId);
    const returnUrl = URL.canParse(redirectUrl) ? new URL(redirectUrl) : undefined;
    if (!returnUrl || !/^https?:$/.test(returnUrl.protocol)) {
      throw new CallFailure(Status.INVALID_ARGUMENT, "redirect_url is no http or https URL");
    }
    try {
      const bound = browserHash.length === 32;
      const ports = { context, identity };
      const url = await beginVisitorSignIn(ports, accountId, returnUrl, bound ? browserHash : undefined);
      return { url, bound };
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      throw new CallFailure(Status.FAILED_PRECONDITION, error.message, error);
    }
  });
}
