import type { handleBidiStreamingCall } from "@grpc/grpc-js";
import { type AccountId, AppError, type PeerId, type ProxyId } from "@netbird-proxy/proto";
import { control } from "@netbird-proxy/proto/grpc";
import type { AccountOverlay } from "../../reconcile/account-overlay.ts";
import { updatePeer } from "../../store/peers.ts";
import { touchPeers } from "../../store/presence.ts";
import { saveProxy, updateProxy } from "../../store/proxies.ts";
import type { ProxyToken } from "../../store/proxy-tokens.ts";
import { inTransaction } from "../../store/transaction.ts";
import { proxyCallerOf } from "../callers.ts";
import { checkAnnouncement, claimAddress, claimProxyId } from "../claim-proxy.ts";
import { latestOnly } from "../latest-only.ts";
import { type GrpcPorts, HEARTBEAT_MS } from "../ports.ts";
import type { ProxySession, ProxySessions } from "../proxy-sessions.ts";
import { aborted, halfClosed, type StreamLife, serveStream } from "../serve-call.ts";
import { registerProxyPeer } from "./register-proxy-peer.ts";

type Request = control.SyncTunnelRequest;
type Response = control.TunnelState;

export interface TunnelPorts extends GrpcPorts {
  tunnelSessions: ProxySessions<ProxySession>;
}

interface JoinedAccount {
  peerId: PeerId;
  publicKey: string;
  stopFollowing(): void;
}

/**
 * Gives every account that the proxy announces an overlay address on this proxy, and keeps telling its complete tunnel
 * state. States are told only when they differ from what was told before.
 */
export function syncTunnel(ports: TunnelPorts): handleBidiStreamingCall<Request, Response> {
  return (call) =>
    serveStream<Request, Response>(call, ports.log, async (life) => {
      let proxy: TunnelProxy | undefined;
      // One message after the other: joining an account takes a transaction.
      let handling = Promise.resolve();
      call.on("data", ({ msg }: Request) => {
        handling = handling
          .then(async () => {
            if (life.signal.aborted) return;
            if (!proxy) {
              if (msg?.$case !== "hello")
                throw new AppError("request.malformed", "the first message must be hello");
              const { token, address } = proxyCallerOf(call);
              const session = await openSession(ports, token, address, msg.value);
              if (life.signal.aborted) return;
              proxy = tunnelProxy(ports, token, msg.value, life);
              const close = ports.tunnelSessions.open({
                ...session,
                kind: "tunnels",
                peer: call.getPeer(),
                end: life.end,
              });
              life.signal.addEventListener("abort", close, { once: true });
            } else if (msg?.$case === "account") {
              await proxy.join(msg.value.accountId as AccountId, msg.value.publicKey);
            } else if (msg?.$case === "leaveAccountId") {
              await proxy.leave(msg.value as AccountId);
            }
          })
          .catch((error: unknown) => life.end(error));
      });
      call.on("end", () => life.end(halfClosed()));
      await aborted(life.signal);
      await handling;
      await proxy?.close();
    });
}

async function openSession(
  { context }: GrpcPorts,
  token: ProxyToken,
  ip: string,
  hello: control.TunnelHello,
): Promise<Pick<ProxySession, "proxyId" | "tokenId">> {
  const { store, nowMs } = context;
  const proxyId: string = hello.proxyId;
  checkAnnouncement(proxyId, hello.address);
  const endpoints = {
    wireguardEndpoint: hello.wireguardEndpoint.slice(0, 512),
    websocketEndpoint: hello.websocketEndpoint.slice(0, 512),
  };
  await inTransaction(store.db, async (trx) => {
    const before = await claimProxyId(trx, token, proxyId as ProxyId, nowMs());
    if (before && before.tokenId === token.id) {
      await updateProxy(trx, before.id, endpoints);
      return;
    }
    // The tunnel came first; the control stream fills in the rest.
    await claimAddress(trx, token, hello.address, nowMs());
    await saveProxy(trx, {
      id: proxyId as ProxyId,
      accountId: token.accountId,
      tokenId: token.id,
      cluster: hello.address,
      sessionId: "",
      version: "",
      ip,
      connected: false,
      connectedAt: nowMs(),
      lastSeen: nowMs(),
      capabilities: {},
      acme: null,
      appliedRevision: 0,
      publicHttpsPort: 0,
      ...endpoints,
    });
  });
  return { proxyId: proxyId as ProxyId, tokenId: token.id };
}

interface TunnelProxy {
  join(account: AccountId, publicKey: string): Promise<void>;
  leave(account: AccountId): Promise<void>;
  close(): Promise<void>;
}

function tunnelProxy(
  { context, reconciler, log, heartbeatMs = HEARTBEAT_MS }: GrpcPorts,
  token: ProxyToken,
  hello: control.TunnelHello,
  life: StreamLife<Response>,
): TunnelProxy {
  const { store, nowMs } = context;
  const proxyId = hello.proxyId as ProxyId;
  const joined = new Map<AccountId, JoinedAccount>();
  const outbox = latestOnly<AccountId, Response>({
    send: life.send,
    encode: (state) => control.TunnelState.encode({ ...state, revision: 0n }).finish(),
    failed: life.end,
  });
  const heartbeat = setInterval(() => {
    const peers = [...joined.values()].map(({ peerId }) => peerId);
    touchPeers(store.db, peers, nowMs()).catch((error: unknown) =>
      log.error({ err: error, proxyId }, "a proxy's peers could not be marked as alive"),
    );
  }, heartbeatMs);

  function tell(account: AccountId, overlay: AccountOverlay): void {
    const one = joined.get(account);
    if (!one) return;
    const state = overlay.tunnelState(one.peerId);
    if (state) {
      outbox.put(account, state);
      return;
    }
    // Somebody deleted the proxy's peer; it needs another one.
    joined.delete(account);
    one.stopFollowing();
    join(account, one.publicKey).catch(life.end);
  }

  async function join(account: AccountId, publicKey: string): Promise<void> {
    if (token.accountId !== null && token.accountId !== account) {
      // A state folder from another installation; the other accounts must not suffer.
      log.warn({ proxyId, accountId: account }, "proxy asked for the tunnels of another owner's account");
      return;
    }
    const peer = await registerProxyPeer(context, account, {
      proxyId,
      cluster: hello.address,
      publicKey,
      wireguardEndpoint: hello.wireguardEndpoint.slice(0, 512),
      websocketEndpoint: hello.websocketEndpoint.slice(0, 512),
    });
    if (!peer) {
      log.warn({ proxyId, accountId: account }, "proxy asked for the tunnels of an account that is gone");
      return;
    }
    joined.get(account)?.stopFollowing();
    if (life.signal.aborted) return;
    joined.set(account, {
      peerId: peer.id,
      publicKey,
      stopFollowing: reconciler.overlays.follow(account, (overlay) => tell(account, overlay)),
    });
  }

  async function leave(account: AccountId): Promise<void> {
    const one = joined.get(account);
    if (!one) return;
    joined.delete(account);
    one.stopFollowing();
    outbox.forget(account);
    await updatePeer(store.db, account, one.peerId, { connected: false, lastSeen: nowMs() });
  }

  return {
    join,
    leave,
    async close() {
      clearInterval(heartbeat);
      for (const account of [...joined.keys()]) {
        await leave(account).catch((error: unknown) =>
          log.error(
            { err: error, proxyId, accountId: account },
            "a proxy's peer could not be marked as gone",
          ),
        );
      }
    },
  };
}
