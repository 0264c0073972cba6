import { createHash } from "node:crypto";
import { type handleUnaryCall, status as Status } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { sessionTag, type TaggedMethod } from "../../domain/session-tag.ts";
import { createHashGate } from "../../secrets/hash-gate.ts";
import { verifySecret } from "../../secrets/password-hash.ts";
import { signSession } from "../../secrets/session-token.ts";
import { chargeFailure, isBudgetExhausted } from "../../store/failure-budgets.ts";
import { getService, SESSION_KEY_PURPOSE, type StoredService } from "../../store/services.ts";
import { CallFailure } from "../call-failure.ts";
import { proxyCallerOf, requireAccount } from "../callers.ts";
import type { GrpcPorts } from "../ports.ts";
import { unary } from "../serve-call.ts";

type Request = management.AuthenticateRequest;
type Response = management.AuthenticateResponse;

/** Per service and method; a PIN has a million values, so this leaves an attacker about 17,000 tries a day. */
const GUESSES = { name: "service secret", burst: 10, refillMs: 5_000 };
const HASHES = { running: 4, waiting: 100 };
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
  const refused: Response = { success: false, sessionToken: "" };

  return unary<Request, Response>(log, async (call) => {
    const { id, accountId, request } = call.request;
    requireAccount(proxyCallerOf(call).token, accountId);
    const service = await getService(store.db, accountId, id);
    if (!service) {
      const gone = new AppError("service.not_found", `service ${id} not found`);
      throw new CallFailure(Status.FAILED_PRECONDITION, gone.message, gone);
    }
    if (!request) return refused;
    switch (request.$case) {
      case "password":
        return guess(service, "password", service.auth.password, request.value.password);
      case "pin":
        return guess(service, "pin", service.auth.pin, request.value.pin);
      case "headerAuth":
        return header(service, request.value);
    }
  });

  async function guess(
    service: StoredService,
    method: "password" | "pin",
    member: { enabled: boolean; hash: string } | undefined,
    secret: string,
  ): Promise<Response> {
    if (!member?.enabled || secret === "") return refused;
    const key = `${service.id} ${method}`;
    if (await isBudgetExhausted(store.db, GUESSES, key, nowMs())) {
      throw new AppError("auth.rate_limited", `too many wrong attempts at the ${method} of this service`, {
        hint: `Wait ${GUESSES.refillMs / 1000} s and try again.`,
      });
    }
    if (await hashGate(() => verifySecret(member.hash, secret))) return session(service, method);
    await chargeFailure(store.db, GUESSES, key, nowMs());
    return refused;
  }

  async function header(
    service: StoredService,
    { headerName, headerValue }: management.HeaderAuthRequest,
  ): Promise<Response> {
    if (headerValue === "") return refused;
    for (const entry of service.auth.headers ?? []) {
      // Proxies from before header_name send none; then any entry may match.
      const named = headerName === "" || entry.header.toLowerCase() === headerName.toLowerCase();
      if (!entry.enabled || !named || entry.hash === "") continue;
      // Everything the answer depends on: another hash is another key.
      const key = createHash("sha256")
        .update(JSON.stringify([entry.hash, headerValue]))
        .digest("base64");
      const knownUntil = knownHeaders.get(key) ?? 0;
      if (knownUntil > nowMs()) return session(service, "header");
      if (!(await hashGate(() => verifySecret(entry.hash, headerValue)))) continue;
      knownHeaders.delete(key);
      knownHeaders.set(key, nowMs() + KNOWN_HEADER_MS);
      if (knownHeaders.size > KNOWN_HEADERS_MAX) knownHeaders.delete(knownHeaders.keys().next().value!);
      return session(service, "header");
    }
    return refused;
  }

  async function session(service: StoredService, method: TaggedMethod): Promise<Response> {
    const key = store.secrets.open(service.sessionPrivateKey, SESSION_KEY_PURPOSE);
    const subject = { subject: `${method}-user`, method, tag: sessionTag(service, method) };
    return { success: true, sessionToken: await signSession(key, service.domain, subject, nowMs()) };
  }
}
