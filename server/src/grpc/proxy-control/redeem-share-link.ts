import type { handleUnaryCall } from "@grpc/grpc-js";
import type { AccountId } from "@netbird-proxy/proto";
import { control } from "@netbird-proxy/proto/grpc";
import { redeemShareLink as redeem } from "../../commands/redeem-share-link.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = control.RedeemShareLinkRequest;
type Response = control.RedeemShareLinkResponse;

const { RedeemShareLinkResponse_Refusal: Refusal } = control;
const refusals = { unknown: Refusal.UNKNOWN, expired: Refusal.EXPIRED, "used-up": Refusal.USED_UP };

/** Gives a visitor with a share link a session. */
export function redeemShareLink({ context, log }: GrpcPorts): handleUnaryCall<Request, Response> {
  return unary<Request, Response>(log, async (call) => {
    const { accountId, serviceId, secret } = call.request;
    requireAccount(proxyCallerOf(call).token, accountId);
    const redeemed = await redeem(context, accountId as AccountId, serviceId, secret);
    if (!redeemed.ok) {
      return { sessionToken: "", refusal: refusals[redeemed.why], path: "", expiresAt: 0n };
    }
    const { sessionToken, path, expiresAtSeconds } = redeemed;
    return { sessionToken, refusal: Refusal.NONE, path, expiresAt: BigInt(expiresAtSeconds) };
  });
}
