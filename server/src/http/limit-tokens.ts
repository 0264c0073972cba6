import { AppError } from "@netbird-proxy/proto";
import type { FastifyRequest } from "fastify";
import type { CommandContext } from "../commands/context.ts";
import { addressBlock } from "../domain/address-block.ts";
import { chargeFailure, type FailureBudget } from "../store/failure-budgets.ts";

/** As on the gRPC side, but browsers with an expired session and many pages ask more often. */
const FAILURES: FailureBudget = { name: "rest token", burst: 20, refillMs: 6_000 };

/**
 * The answer to a request whose token was refused: after many from one address only that it has to wait. Good tokens are
 * never refused because of their neighbours, so nobody is locked out.
 */
export async function refusedToken(
  { store, nowMs }: CommandContext,
  address: string,
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof AppError) || !/^auth\.(invalid|expired)_token$/.test(error.code)) return error;
  // A database that cannot be written must not turn a wrong token into another failure.
  if (await chargeFailure(store.db, FAILURES, addressBlock(address), nowMs()).catch(() => true)) return error;
  return new AppError("auth.rate_limited", `too many bad tokens from this address: ${error.message}`, {
    hint: `Wait ${FAILURES.refillMs / 1000} s. ${error.hint}`,
    retryAfterSeconds: FAILURES.refillMs / 1000,
  });
}

/** Requests of one personal access token; undefined: any number. Source: reference §1.7. */
export interface TokenRateLimit {
  perMinute: number;
  burst: number;
}

/** @throws AppError `auth.rate_limited` */
export async function limitTokenRate(
  { store, nowMs }: CommandContext,
  { perMinute, burst }: TokenRateLimit,
  request: FastifyRequest,
): Promise<void> {
  const { tokenHash } = request.caller;
  // Terraform walks hundreds of objects at once, and the people behind it asked for that.
  if (tokenHash === undefined || /terraform/i.test(request.headers["user-agent"] ?? "")) return;
  const budget = { name: "token rate", burst, refillMs: 60_000 / perMinute };
  if (await chargeFailure(store.db, budget, tokenHash, nowMs())) return;
  throw new AppError("auth.rate_limited", "the token has used up its requests", {
    hint: `Wait ${Math.ceil(budget.refillMs / 1000)} s, or raise NB_API_RATE_LIMITING_RPM and NB_API_RATE_LIMITING_BURST on the server.`,
    retryAfterSeconds: Math.ceil(budget.refillMs / 1000),
  });
}
