import type { handleUnaryCall } from "@grpc/grpc-js";
import type { AccountId } from "@netbird-proxy/proto";
import type { control } from "@netbird-proxy/proto/grpc";
import { redeemVisitorSignIn } from "../../commands/visitor-sign-in.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = control.RedeemSignInRequest;
type Response = control.RedeemSignInResponse;

/** Gives a visitor's session to the proxy that the visitor came back to. */
export function redeemSignIn({ context, log }: GrpcPorts): handleUnaryCall<Request, Response> {
  return unary<Request, Response>(log, async (call) => {
    const { accountId, domain, code, browserSecret } = call.request;
    requireAccount(proxyCallerOf(call).token, accountId);
    const redeemed = await redeemVisitorSignIn(context, accountId as AccountId, {
      domain,
      code,
      browserSecret,
    });
    return redeemed ?? { sessionToken: "", refusal: "", returnUrl: "" };
  });
}
