import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { type handleUnaryCall, status as Status } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { sessionTag, type TaggedMethod } from "../../domain/session-tag.ts";
import { sessionSeconds } from "../../domain/session-times.ts";
import { createHashGate } from "../../secrets/hash-gate.ts";
import { verifySecret } from "../../secrets/password-hash.ts";
import { signSession } from "../../secrets/session-token.ts";
import { getService, SESSION_KEY_PURPOSE, type StoredService } from "../../store/services.ts";
import { chargeSignIn } from "../../store/sign-in-attempts.ts";
import { CallFailure } from "../call-failure.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = management.AuthenticateRequest;
type Response = management.AuthenticateResponse;

/** Half of the processor, at most two of Node's four threads for such work: guessing must not starve the rest. */
const HASHES = {
  running: Math.max(1, Math.min(2, availableParallelism() >> 1)),
  waiting: 100,
  waitingEach: 20,
};
/** Header secrets come with every request of a client without cookies. */
const KNOWN_HEADERS_MAX = 1_000;
const KNOWN_HEADER_MS = 60_000;

/**
 * Checks a visitor's password, PIN or header against the service's hashes and answers with a session.
 * Wrong is an answer (`success: false`), not a failure. Source: reference §10.2.
 */
export function authenticate({ context, log }: GrpcPorts): handleUnaryCall<Request, Response> {
  const { store, nowMs } = context;
  const hashGate = createHashGate(HASHES);
  const knownHeaders = new Map<string, number>();
  const refused: Response = { success: false, sessionToken: "", retryAfterSeconds: 0 };

  return unary<Request, Response>(log, async (call) => {
    const { id, accountId, request, clientAddress } = call.request;
    requireAccount(proxyCallerOf(call).token, accountId);
    const service = await getService(store.db, accountId, id);
    if (!service) {
      const gone = new AppError("service.not_found", `service ${id} not found`);
      throw new CallFailure(Status.FAILED_PRECONDITION, gone.message, gone);
    }
    if (!request) return refused;
    switch (request.$case) {
      case "password":
        return guess(service, "password", service.auth.password, request.value.password, clientAddress);
      case "pin":
        return guess(service, "pin", service.auth.pin, request.value.pin, clientAddress);
      case "headerAuth":
        return header(service, request.value, clientAddress);
    }
  });

  async function guess(
    service: StoredService,
    method: "password" | "pin",
    member: { enabled: boolean; hash: string } | undefined,
    secret: string,
    address: string,
  ): Promise<Response> {
    if (!member?.enabled || secret === "") return refused;
    return counted(service, method, address, () => verify(service, member.hash, secret));
  }

  async function header(
    service: StoredService,
    { headerName, headerValue }: management.HeaderAuthRequest,
    address: string,
  ): Promise<Response> {
    if (headerValue === "") return refused;
    const entries = (service.auth.headers ?? []).filter(
      // Proxies from before header_name send none; then any entry may match.
      ({ enabled, hash, header: name }) =>
        enabled && hash !== "" && (headerName === "" || name.toLowerCase() === headerName.toLowerCase()),
    );
    if (entries.length === 0) return refused;
    // Everything the answer depends on: another hash is another key.
    const keyOf = (hash: string) =>
      createHash("sha256")
        .update(JSON.stringify([hash, headerValue]))
        .digest("base64");
    if (entries.some(({ hash }) => (knownHeaders.get(keyOf(hash)) ?? 0) > nowMs()))
      return session(service, "header");
    return counted(service, "header", address, async () => {
      for (const { hash } of entries) {
        if (!(await verify(service, hash, headerValue))) continue;
        const key = keyOf(hash);
        knownHeaders.delete(key);
        knownHeaders.set(key, nowMs() + KNOWN_HEADER_MS);
        if (knownHeaders.size > KNOWN_HEADERS_MAX) knownHeaders.delete(knownHeaders.keys().next().value!);
        return true;
      }
      return false;
    });
  }

  function verify(service: StoredService, hash: string, secret: string): Promise<boolean> {
    return hashGate(() => verifySecret(hash, secret), service.id);
  }

  /** Looks at a secret when there were not too many wrong ones; to old proxies too many is just wrong. */
  async function counted(
    service: StoredService,
    method: "password" | "pin" | "header",
    address: string,
    check: () => Promise<boolean>,
  ): Promise<Response> {
    const charge = await chargeSignIn(store.db, { serviceId: service.id, method, address }, nowMs());
    if (!charge.ok) return { ...refused, attemptsLeft: 0, retryAfterSeconds: seconds(charge.waitMs) };
    let right: boolean;
    try {
      right = await check();
    } catch (error) {
      await charge.refund({ right: false });
      if (!(error instanceof AppError && error.code === "auth.rate_limited")) throw error;
      return { ...refused, attemptsLeft: charge.left, retryAfterSeconds: error.retryAfterSeconds ?? 5 };
    }
    if (!right) return { ...refused, attemptsLeft: charge.left };
    await charge.refund({ right: true });
    return session(service, method);
  }

  async function session(service: StoredService, method: TaggedMethod): Promise<Response> {
    const key = store.secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE);
    const subject = {
      subject: `${method}-user`,
      method,
      tag: sessionTag(service, method),
      lifetimeSeconds: sessionSeconds(service.auth),
    };
    const sessionToken = await signSession(key, service.domain, subject, nowMs());
    return { success: true, sessionToken, retryAfterSeconds: 0 };
  }
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
