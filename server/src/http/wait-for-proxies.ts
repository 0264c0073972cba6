import { AppError } from "@netbird-proxy/proto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { CommandContext } from "../commands/context.ts";
import { isInsideUnit } from "../commands/unit-of-work.ts";
import { usableClusters } from "../domain/clusters.ts";
import { listVisibleProxies } from "../store/proxies.ts";

/** Whether the proxies that are connected have applied the change when the answer is sent: `true` or `false`. */
export const APPLIED_HEADER = "NetBird-Applied";
const MAX_WAIT_SECONDS = 60;
const LOOK_MS = 25;

/** A change that proxies have to follow. */
export interface FollowedChange {
  cluster: string;
  revision: number;
}

const changes = new WeakMap<FastifyRequest, FollowedChange>();

/** @throws AppError `request.invalid` when `?wait=` is no number of seconds */
export function readWaitSeconds(query: { wait?: string }): number {
  const { wait } = query;
  if (wait === undefined) return 0;
  const seconds = /^\d{1,2}$/.test(wait) ? Number(wait) : Number.NaN;
  if (seconds >= 0 && seconds <= MAX_WAIT_SECONDS) return seconds;
  throw new AppError("request.invalid", `wait is a number of seconds from 0 to ${MAX_WAIT_SECONDS}`, {
    path: "wait",
  });
}

/** Says what {@link waitForProxies} waits for. */
export function followChange(request: FastifyRequest, change: FollowedChange): void {
  changes.set(request, change);
}

/**
 * An `onSend` hook for routes with `?wait=`: holds the answer back until every connected proxy of the cluster has applied
 * the change. Before that hook the transaction is over, also where the request runs in a unit of work; inside a batch
 * nothing is waited for, because nothing is committed yet.
 */
export function waitForProxies({ store, nowMs }: CommandContext) {
  return async (request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> => {
    const change = changes.get(request);
    if (change === undefined || reply.statusCode >= 400 || isInsideUnit()) return payload;
    const seconds = readWaitSeconds(request.query as { wait?: string });
    if (seconds === 0) return payload;
    const { account } = request.caller.actor;
    const name = change.cluster.toLowerCase();
    const applied = async () => {
      const clusters = usableClusters(await listVisibleProxies(store.db, account), account, nowMs());
      const cluster = clusters.find(({ address }) => address.toLowerCase() === name);
      // Where nobody is connected nobody serves the old version to visitors of this server's making.
      return cluster?.active.every(({ appliedRevision }) => appliedRevision >= change.revision) ?? true;
    };
    const deadlineMs = performance.now() + seconds * 1000;
    let done = await applied();
    while (!done && performance.now() < deadlineMs && !request.raw.destroyed) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      done = await applied();
    }
    reply.header(APPLIED_HEADER, String(done));
    return payload;
  };
}
