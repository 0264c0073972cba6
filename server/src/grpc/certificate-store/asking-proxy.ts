import { type ServerUnaryCall, type ServerWritableStream, status as Status } from "@grpc/grpc-js";
import { type AccountId, AppError, type ProxyId, type ProxyTokenId } from "@netbird-proxy/proto";
import { getProxy } from "../../store/proxies.ts";
import type { Db } from "../../store/transaction.ts";
import { CallFailure } from "../call-failure.ts";
import { proxyCallerOf } from "../callers.ts";

/** The proxy that a call comes from, and for whom it works. */
export interface AskingProxy {
  proxyId: ProxyId;
  tokenId: ProxyTokenId;
  /** Lower case. */
  cluster: string;
  /** null: of every account. */
  account: AccountId | null;
}

/** @throws CallFailure FAILED_PRECONDITION before the control stream @throws AppError `proxy.id_taken` */
export async function askingProxy(
  db: Db,
  call: ServerUnaryCall<{ proxyId: string }, unknown> | ServerWritableStream<{ proxyId: string }, never>,
): Promise<AskingProxy> {
  const { token } = proxyCallerOf(call);
  const { proxyId } = call.request;
  const proxy = await getProxy(db, proxyId as ProxyId);
  if (!proxy) throw new CallFailure(Status.FAILED_PRECONDITION, `proxy ${proxyId} has no control stream`);
  if (proxy.tokenId !== token.id) {
    throw new AppError("proxy.id_taken", `the proxy id ${proxyId} belongs to another token`);
  }
  return {
    proxyId: proxy.id,
    tokenId: token.id,
    cluster: proxy.cluster.toLowerCase(),
    account: proxy.accountId,
  };
}
