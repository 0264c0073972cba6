import { status as Status } from "@grpc/grpc-js";
import { AppError, type ProxyId, type ProxyTokenId } from "@netbird-proxy/proto";
import type { Logger } from "pino";
import { listUsableProxyTokens } from "../store/presence.ts";
import type { Db } from "../store/transaction.ts";
import { CallFailure } from "./call-failure.ts";

/** A stream that a proxy holds open here. */
export interface ProxySession {
  readonly proxyId: ProxyId;
  readonly tokenId: ProxyTokenId;
  /** One of each kind lives beside the others of a proxy. */
  readonly kind: "mappings" | "tunnels" | "certificates";
  /** Transport address with port: everything from one connection comes from one proxy. */
  readonly peer: string;
  end(reason: unknown): void;
}

/** The streams of this process, one of each kind per proxy. */
export interface ProxySessions<Session extends ProxySession> {
  /** Registers a stream and ends the one that it replaces. @returns the function to call when it is over */
  open(session: Session): () => void;
  find(proxyId: string): Session | undefined;
  list(): Session[];
}

export function createProxySessions<Session extends ProxySession>(): ProxySessions<Session> {
  const sessions = new Map<string, Session>();
  return {
    open(session) {
      const before = sessions.get(session.proxyId);
      sessions.set(session.proxyId, session);
      before?.end(superseded(session.proxyId));
      return () => {
        if (sessions.get(session.proxyId) === session) sessions.delete(session.proxyId);
      };
    },
    find: (proxyId) => sessions.get(proxyId),
    list: () => [...sessions.values()],
  };
}

/** CANCELLED, as stock proxies know it: the stream is over, the proxy may come back. */
export function superseded(proxyId: string): CallFailure {
  return new CallFailure(Status.CANCELLED, `another stream of proxy ${proxyId} took over`);
}

/**
 * Ends streams whose token was revoked, deleted or ran out: looked at whenever something changed in this process, and
 * every `everyMs` for what other processes did.
 *
 * @returns the function that stops watching
 */
export function watchTokens({
  db,
  log,
  nowMs,
  sessions,
  onWake,
  everyMs,
}: {
  db: Db;
  log: Pick<Logger, "error" | "info">;
  nowMs: () => number;
  sessions: () => ProxySession[];
  onWake: (listener: () => void) => () => void;
  everyMs: number;
}): () => void {
  let checking = false;
  let again = false;
  async function check(): Promise<void> {
    if (checking) {
      again = true;
      return;
    }
    checking = true;
    try {
      do {
        again = false;
        const open = sessions();
        if (open.length === 0) break;
        const ids = [...new Set(open.map(({ tokenId }) => tokenId))];
        const usable = await listUsableProxyTokens(db, ids, nowMs());
        for (const session of open) {
          if (usable.has(session.tokenId)) continue;
          log.info({ proxyId: session.proxyId }, "a proxy's token is no longer valid");
          session.end(
            new CallFailure(
              Status.CANCELLED,
              "the proxy token was revoked or has expired",
              new AppError("auth.invalid_token", "the proxy token was revoked or has expired"),
            ),
          );
        }
      } while (again);
    } catch (error) {
      log.error({ err: error }, "the tokens of connected proxies could not be checked");
    } finally {
      checking = false;
    }
  }
  const stop = onWake(() => void check());
  const timer = setInterval(() => void check(), everyMs);
  timer.unref();
  return () => {
    stop();
    clearInterval(timer);
  };
}
