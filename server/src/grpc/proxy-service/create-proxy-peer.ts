import type { handleUnaryCall } from "@grpc/grpc-js";
import { AppError, type ServiceId } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { addPeer } from "../../commands/add-peer.ts";
import { runCommand } from "../../commands/command.ts";
import { systemActor } from "../../commands/context.ts";
import { newId } from "../../domain/xid.ts";
import { spendOneTimeToken } from "../../reconcile/one-time-tokens.ts";
import { isWireguardKey } from "../../secrets/wireguard-key.ts";
import { isPublicKeyKnown } from "../../store/find-peer.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = management.CreateProxyPeerRequest;
type Response = management.CreateProxyPeerResponse;

/**
 * Exchanges a mapping's one-time token for a peer of a stock proxy's account. Our own proxies announce themselves on
 * their tunnel stream instead. Source: reference §9.
 */
export function createProxyPeer({ context, log }: GrpcPorts): handleUnaryCall<Request, Response> {
  const { store, random, nowMs } = context;
  return unary<Request, Response>(log, async (call) => {
    const { serviceId, accountId, token, wireguardPublicKey, cluster } = call.request;
    if (serviceId === "" || accountId === "" || token === "") {
      return failed("service_id, account_id and token are required");
    }
    requireAccount(proxyCallerOf(call).token, accountId);
    if (!isWireguardKey(wireguardPublicKey)) return failed("wireguard_public_key is no key");
    const grant = { token, accountId, serviceId: serviceId as ServiceId };
    if (!(await spendOneTimeToken(store.db, grant, nowMs()))) {
      throw new AppError("auth.invalid_token", "the one-time token is unknown, used up or too old", {
        hint: "Wait for the next mapping of the service; it brings a new one.",
      });
    }
    // A proxy that asks again with the same key has its peer already.
    if (await isPublicKeyKnown(store.db, wireguardPublicKey)) return succeeded;
    await runCommand(context, systemActor(accountId), async (work) => {
      const name = `proxy-${newId()}`;
      const peer = await addPeer(work, accountId, random, {
        kind: "proxy",
        name,
        publicKey: wireguardPublicKey,
        os: "proxy",
        ephemeral: true,
        cluster,
        meta: { embedded: true, cluster },
      });
      await work.audit("peer.proxy.add", peer.id, { name, ip: peer.ip, cluster });
    });
    return succeeded;
  });
}

const succeeded: Response = { success: true, errorMessage: undefined };

function failed(errorMessage: string): Response {
  return { success: false, errorMessage };
}
