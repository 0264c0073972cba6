import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
  ServerListenerBuilder,
  status as Status,
} from "@grpc/grpc-js";
import { AppError, type ProxyTokenId } from "@netbird-proxy/proto";
import type { Logger } from "pino";
import { hashToken, isWellFormedToken, type TokenPrefix } from "../domain/token.ts";
import { chargeFailure } from "../store/failure-budgets.ts";
import { findPeerByAgentToken } from "../store/peers.ts";
import { findProxyToken, type ProxyToken, touchProxyToken } from "../store/proxy-tokens.ts";
import type { Db } from "../store/transaction.ts";
import { CallFailure, toStatus } from "./call-failure.ts";
import { type Caller, rememberCaller } from "./callers.ts";

export interface AuthenticatePorts {
  db: Db;
  log: Pick<Logger, "error" | "warn">;
  nowMs: () => number;
}

/** Source: reference §2.3: five bad tries per address, one more every 12 s. */
const FAILURES = { name: "grpc token", burst: 5, refillMs: 12_000 };
/** Source: reference §2.3. */
const LAST_USED_EVERY_MS = 60_000;

/** Which token a method wants. A method that is not listed gets no further. */
function wantedToken(path: string): TokenPrefix | "none" | undefined {
  if (path.startsWith("/management.ProxyService/") || path.startsWith("/netbird.proxy.v1.")) return "nbx_";
  if (path === "/netbird.agent.v1.AgentService/Enroll") return "none";
  return path.startsWith("/netbird.agent.v1.AgentService/") ? "nba_" : undefined;
}

/**
 * Lets a call through to its handler once its bearer token is known to be good. Failures are counted per transport
 * address, which nobody can forge, and an address without budget only changes the answer to bad tokens: a good one is
 * never refused because of its neighbours.
 */
export function authenticateCalls(ports: AuthenticatePorts): ServerInterceptor {
  const { log } = ports;
  const identify = identifier(ports);
  return (method, call) => {
    const address = call.getConnectionInfo().remoteAddress ?? "unknown";
    const listener = new ServerListenerBuilder().withOnReceiveMetadata((metadata, next) => {
      identify(method.path, metadata, address)
        .then((caller) => {
          rememberCaller(metadata, caller);
          next(metadata);
        })
        .catch(async (error: unknown) => {
          const failure = await limited(ports, error, address);
          call.sendStatus(toStatus(failure, log, method.path));
        });
    });
    return new ServerInterceptingCall(call, { start: (next) => next(listener.build()) });
  };
}

function identifier({ db, nowMs }: AuthenticatePorts) {
  const lastUsedWritten = new Map<ProxyTokenId, number>();
  return async (path: string, metadata: Metadata, address: string): Promise<Caller> => {
    const prefix = wantedToken(path);
    if (prefix === "none") return { kind: "anyone", address };
    if (prefix === undefined) throw new CallFailure(Status.UNIMPLEMENTED, `unknown method ${path}`);
    const token = bearerToken(metadata, prefix);
    if (prefix === "nba_") {
      const peer = await findPeerByAgentToken(db, hashToken(token));
      if (!peer) throw new AppError("auth.invalid_token", "the peer is gone, or its token was replaced");
      return { kind: "agent", peer, address };
    }
    const row = await findProxyToken(db, hashToken(token));
    if (!row) throw new AppError("auth.invalid_token", "unknown proxy token");
    requireUsable(row, nowMs());
    if (nowMs() - (lastUsedWritten.get(row.id) ?? row.lastUsed ?? 0) >= LAST_USED_EVERY_MS) {
      lastUsedWritten.set(row.id, nowMs());
      await touchProxyToken(db, row.id, nowMs());
    }
    return { kind: "proxy", token: row, address };
  };
}

/** @throws AppError `auth.invalid_token`, `auth.expired_token` */
export function requireUsable(token: ProxyToken, nowMs: number): void {
  if (token.revoked) throw new AppError("auth.invalid_token", "the proxy token was revoked");
  if (token.expiresAt !== null && nowMs >= token.expiresAt) {
    throw new AppError("auth.expired_token", "the proxy token has expired");
  }
}

function bearerToken(metadata: Metadata, prefix: TokenPrefix): string {
  const [value] = metadata.get("authorization");
  if (value === undefined) {
    throw new AppError("auth.missing_token", "the call has no token", {
      hint: `Send the metadata \`authorization: Bearer ${prefix}...\`.`,
    });
  }
  const token = /^Bearer (.*)$/.exec(value.toString())?.[1] ?? "";
  if (!isWellFormedToken(token, prefix)) {
    throw new AppError("auth.invalid_token", `the token is no ${prefix} token, or was not copied whole`);
  }
  return token;
}

async function limited(
  { db, log, nowMs }: AuthenticatePorts,
  error: unknown,
  address: string,
): Promise<unknown> {
  if (!(error instanceof AppError) || !error.code.startsWith("auth.")) return error;
  // A database that cannot be written must not turn a wrong token into another failure.
  if (await chargeFailure(db, FAILURES, address, nowMs()).catch(() => true)) return error;
  log.warn({ address, code: error.code }, "too many calls with bad tokens from one address");
  return new AppError("auth.rate_limited", `too many bad tokens from ${address}: ${error.message}`, {
    hint: `Wait at least ${FAILURES.refillMs / 1000} s. ${error.hint}`,
  });
}
