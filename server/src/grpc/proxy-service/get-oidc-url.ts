import { type handleUnaryCall, status as Status } from "@grpc/grpc-js";
import type { management } from "@netbird-proxy/proto/grpc";
import { CallFailure } from "../call-failure.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

/** Single sign-on needs an identity provider, and this server has none. */
export function getOidcUrl({
  log,
}: GrpcPorts): handleUnaryCall<management.GetOIDCURLRequest, management.GetOIDCURLResponse> {
  return unary(log, async (call) => {
    requireAccount(proxyCallerOf(call).token, call.request.accountId);
    throw new CallFailure(Status.FAILED_PRECONDITION, "no identity provider configured");
  });
}
