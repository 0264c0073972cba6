import { createHash } from "node:crypto";
import type { handleUnaryCall } from "@grpc/grpc-js";
import type { control } from "@netbird-proxy/proto/grpc";
import { readSessionClaims } from "../../secrets/session-token.ts";
import { insertEndedSession, listEndedSessions } from "../../store/ended-sessions.ts";
import { findServiceByDomain } from "../../store/services.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

/** Clocks of several servers, and transactions that were slow to commit, within which an entry is told again. */
const OVERLAP_MS = 30_000;

/** A visitor has signed out somewhere: the session is over everywhere. What is no valid session needs no end. */
export function endSession({
  context,
  log,
}: GrpcPorts): handleUnaryCall<control.EndSessionRequest, control.EndSessionResponse> {
  const { store, nowMs } = context;
  return unary(log, async (call) => {
    const { domain, sessionToken } = call.request;
    const service = await findServiceByDomain(store.db, domain);
    if (!service) return {};
    requireAccount(proxyCallerOf(call).token, service.accountId);
    const claims = await readSessionClaims(service, sessionToken, nowMs());
    if (claims === undefined) return {};
    await insertEndedSession(store.db, {
      tokenHash: createHash("sha256").update(sessionToken).digest("hex"),
      accountId: service.accountId,
      endedAt: nowMs(),
      expiresAt: claims.expiresAtMs,
    });
    return {};
  });
}

/** Which sessions were ended since; each proxy asks every two seconds. */
export function listEnded({
  context,
  log,
}: GrpcPorts): handleUnaryCall<control.ListEndedSessionsRequest, control.ListEndedSessionsResponse> {
  const { store, nowMs } = context;
  return unary(log, async (call) => {
    const { accountId } = proxyCallerOf(call).token;
    const now = nowMs();
    const sinceMs = Number(call.request.sinceMs) - OVERLAP_MS;
    const ended = await listEndedSessions(store.db, accountId ?? undefined, sinceMs, now);
    return {
      sessions: ended.map(({ tokenHash, expiresAt }) => ({
        tokenHash: Buffer.from(tokenHash, "hex"),
        expiresAtMs: BigInt(expiresAt),
      })),
      nowMs: BigInt(now),
    };
  });
}
