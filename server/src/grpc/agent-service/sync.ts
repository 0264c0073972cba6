import type { handleBidiStreamingCall } from "@grpc/grpc-js";
import { AppError, type PeerId } from "@netbird-proxy/proto";
import { agent } from "@netbird-proxy/proto/grpc";
import type { AccountOverlay } from "../../reconcile/account-overlay.ts";
import { findPeerByAgentToken, type Peer, updatePeer } from "../../store/peers.ts";
import { markPeerGone, touchPeers } from "../../store/presence.ts";
import { callerOf } from "../callers.ts";
import { latestOnly } from "../latest-only.ts";
import { type GrpcPorts, HEARTBEAT_MS } from "../ports.ts";
import { aborted, halfClosed, type StreamLife, serveStream } from "../serve-call.ts";
import { metaColumns } from "./enroll.ts";

type Request = agent.AgentMessage;
type Response = agent.AgentState;

const HELLO_TIMEOUT_MS = 30_000;

/** Streams of agents on this server, one per peer. */
export interface AgentSessions {
  open(peerId: PeerId, end: (reason: unknown) => void): () => void;
  /** Which peers are connected here right now. */
  list(): PeerId[];
  /** When this server said last that its peers are alive; 0: never. */
  touchedMs: number;
  endAll(reason: unknown): void;
}

export function createAgentSessions(): AgentSessions {
  const sessions = new Map<PeerId, (reason: unknown) => void>();
  return {
    open(peerId, end) {
      const before = sessions.get(peerId);
      sessions.set(peerId, end);
      before?.(new AppError("request.conflict", "another stream of this peer took over"));
      return () => {
        if (sessions.get(peerId) === end) sessions.delete(peerId);
      };
    },
    list: () => [...sessions.keys()],
    touchedMs: 0,
    endAll(reason) {
      for (const end of [...sessions.values()]) end(reason);
    },
  };
}

/** Marks the peers of all open streams as alive, every minute. @returns the function that stops it */
export function startAgentHeartbeat(
  { context, log, heartbeatMs = HEARTBEAT_MS }: GrpcPorts,
  sessions: AgentSessions,
): () => void {
  const timer = setInterval(() => {
    sessions.touchedMs = context.nowMs();
    touchPeers(context.store.db, sessions.list(), sessions.touchedMs).catch((error: unknown) =>
      log.error({ err: error }, "connected agents could not be marked as alive"),
    );
  }, heartbeatMs);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Tells an agent its complete state after its hello, and again after every change that concerns it. The stream ends with
 * UNAUTHENTICATED when the peer is deleted or its token replaced.
 */
export function sync(
  ports: GrpcPorts & { agentSessions: AgentSessions },
): handleBidiStreamingCall<Request, Response> {
  const { context, log, agentSessions } = ports;
  const { store, nowMs } = context;
  return (call) =>
    serveStream<Request, Response>(call, log, async (life) => {
      const caller = callerOf(call);
      if (caller.kind !== "agent") throw new Error("Sync was called without a peer's token");
      const { peer } = caller;
      const helloTimer = setTimeout(
        () => life.end(new AppError("request.malformed", "no hello came")),
        HELLO_TIMEOUT_MS,
      );
      const cleanUps: (() => void)[] = [() => clearTimeout(helloTimer)];
      let greeted = false;
      let helloMs = 0;

      call.on("data", ({ msg }: Request) => {
        // Reports say when an agent shook hands with each proxy; the proxies' own reports are what counts.
        if (greeted || msg?.$case !== "hello") {
          if (!greeted) life.end(new AppError("request.malformed", "the first message must be hello"));
          return;
        }
        greeted = true;
        clearTimeout(helloTimer);
        greet(msg.value).catch(life.end);
      });
      call.on("end", () => life.end(halfClosed()));

      async function greet(hello: agent.AgentHello): Promise<void> {
        if (hello.publicKey !== "" && hello.publicKey !== peer.publicKey) {
          throw new AppError("auth.invalid_token", "the token belongs to a peer with another public key");
        }
        helloMs = nowMs();
        await updatePeer(store.db, peer.accountId, peer.id, {
          connected: true,
          connectionIp: caller.address,
          lastSeen: helloMs,
          ...metaColumns(hello.meta),
        });
        if (life.signal.aborted) return;
        cleanUps.push(agentSessions.open(peer.id, life.end));
        cleanUps.push(followOverlay(ports, peer, life));
        log.info({ peerId: peer.id, name: peer.name, version: hello.meta?.version }, "agent connected");
      }

      await aborted(life.signal);
      for (const cleanUp of cleanUps) cleanUp();
      if (!greeted) return;
      // Unless another stream of the same peer has taken over.
      if (!agentSessions.list().includes(peer.id)) {
        const seenMs = Math.max(helloMs, agentSessions.touchedMs);
        await markPeerGone(store.db, peer.accountId, peer.id, { seenMs, nowMs: nowMs() });
      }
      log.info({ peerId: peer.id, name: peer.name }, "agent disconnected");
    });

  function followOverlay(ports: GrpcPorts, peer: Peer, life: StreamLife<Response>): () => void {
    const outbox = latestOnly<PeerId, Response>({
      send: life.send,
      encode: (state) => agent.AgentState.encode({ ...state, revision: 0n }).finish(),
      failed: life.end,
    });
    const tell = async (overlay: AccountOverlay): Promise<void> => {
      const current = overlay.peer(peer.id);
      if (!current || current.agentTokenHash !== peer.agentTokenHash) {
        // The overlay may be a moment older than this stream's token.
        if (!(await findPeerByAgentToken(store.db, peer.agentTokenHash ?? ""))) {
          throw new AppError("auth.invalid_token", "the peer is gone, or its token was replaced");
        }
      }
      const state = overlay.agentState(peer.id);
      if (state) outbox.put(peer.id, state);
    };
    return ports.reconciler.overlays.follow(peer.accountId, (overlay) => {
      tell(overlay).catch(life.end);
    });
  }
}
