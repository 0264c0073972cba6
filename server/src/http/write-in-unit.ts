import { createHash } from "node:crypto";
import { AppError } from "@netbird-proxy/proto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { CommandContext } from "../commands/context.ts";
import { inUnitOfWork } from "../commands/unit-of-work.ts";
import { secretsOf, withHashesOf } from "../secrets/hash-ahead.ts";
import {
  claimIdempotencyKey,
  IDEMPOTENCY_PURPOSE,
  storeIdempotentAnswer,
} from "../store/idempotency-keys.ts";
import type { Db } from "../store/transaction.ts";
import type { App } from "./app-type.ts";
import { readCurrent } from "./current-object.ts";
import { isDryRun } from "./dry-run.ts";
import { matchesState, type PutSchemas } from "./etag.ts";

export interface WritePorts {
  app: App;
  /** A joinable one. */
  context: CommandContext;
  schemas: PutSchemas;
}

const writes = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * Gives every route that writes `?dry_run=true`, `If-Match` and `Idempotency-Key`: a request that names one of them runs
 * in a unit of work together with its check, so no route has to know, and none can forget. Others run as they are.
 */
export function writeInUnits(ports: WritePorts): void {
  const { context } = ports;
  ports.app.addHook("onRoute", (route) => {
    const methods = [route.method].flat();
    if (!methods.some((method) => writes.has(method)) || !route.url.startsWith("/api/")) return;
    const handler = route.handler as (request: FastifyRequest, reply: FastifyReply) => unknown;
    route.handler = async function (this: unknown, request: FastifyRequest, reply: FastifyReply) {
      const run = async () => handler.call(this as never, request, reply);
      const plan = readPlan(request);
      if (!plan) return run();
      return withHashesOf(plan.dryRun ? [] : secretsOf(request.body), () =>
        inUnitOfWork(context, plan, async (trx) => {
          if (plan.ifMatch !== undefined) await checkPrecondition(ports, request, reply, plan.ifMatch);
          if (plan.key === undefined) return run();
          return onlyOnce(context, trx, request, reply, plan.key, run);
        }),
      );
    };
  });
}

interface Plan {
  dryRun: boolean;
  ifMatch: string | undefined;
  key: string | undefined;
}

function readPlan(request: FastifyRequest): Plan | undefined {
  const { dry_run: wish } = request.query as { dry_run?: unknown };
  // Whoever writes `dry_run=1` means no write.
  if (wish !== undefined && wish !== "true" && wish !== "false") {
    throw new AppError("request.invalid", "dry_run must be one of true, false", { path: "dry_run" });
  }
  const dryRun = isDryRun(request.query);
  const ifMatch = request.headers["if-match"];
  const sent = request.method === "POST" && request.caller ? request.headers["idempotency-key"] : undefined;
  if (sent !== undefined && (typeof sent !== "string" || !/^[\x21-\x7e]{1,255}$/.test(sent))) {
    throw new AppError("request.invalid", "Idempotency-Key must have 1 to 255 visible characters", {
      path: "Idempotency-Key",
      hint: "Send a UUID.",
    });
  }
  // A dry run keeps nothing, so there is nothing to repeat.
  const key = dryRun ? undefined : sent;
  if (!dryRun && ifMatch === undefined && key === undefined) return undefined;
  return { dryRun, ifMatch: request.method === "POST" ? undefined : ifMatch, key };
}

/** @throws AppError `request.precondition_failed`; the answer then has the current ETag. Missing objects are the handler's. */
async function checkPrecondition(
  { app, schemas }: WritePorts,
  request: FastifyRequest,
  reply: FastifyReply,
  ifMatch: string,
): Promise<void> {
  const place = { path: request.url.split("?")[0]!, pattern: request.routeOptions.url! };
  const current = await readCurrent(app, schemas, request.caller, place);
  if (!current || matchesState(ifMatch, current.etag.slice(1).split(".")[0]!)) return;
  reply.header("ETag", current.etag);
  throw new AppError(
    "request.precondition_failed",
    `the object is not the one that If-Match names; its ETag is now ${current.etag}`,
    { hint: "Read the object again and repeat the change with its ETag." },
  );
}

/** The stored answer when the key was used before; refusals are not stored, because they have left nothing behind. */
async function onlyOnce(
  { nowMs, store }: CommandContext,
  trx: Db,
  request: FastifyRequest,
  reply: FastifyReply,
  key: string,
  run: () => Promise<unknown>,
): Promise<unknown> {
  const { account, id } = request.caller.actor;
  const owner = { accountId: account, callerId: id, key };
  const requestHash = createHash("sha256")
    .update(JSON.stringify([request.method, request.url, request.body ?? null]))
    .digest("hex");
  const stored = await claimIdempotencyKey(trx, owner, requestHash, nowMs());
  if (stored) {
    if (stored.requestHash !== requestHash) {
      throw new AppError("request.idempotency_key_reused", "the key was used for another request", {
        path: "Idempotency-Key",
      });
    }
    reply.status(stored.status).header("Idempotency-Replayed", "true");
    return JSON.parse(store.secrets.open(stored.answer, IDEMPOTENCY_PURPOSE));
  }
  const answer = await run();
  const sealed = store.secrets.seal(JSON.stringify(answer ?? null), IDEMPOTENCY_PURPOSE);
  await storeIdempotentAnswer(trx, owner, { status: reply.statusCode, answer: sealed });
  return answer;
}
