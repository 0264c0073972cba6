import { AppError } from "@netbird-proxy/proto";
import {
  DryRunQuery,
  EmptyObject,
  type ErrorBody,
  IdParams,
  OwnedServiceTarget,
  type Service,
  ServiceRequest,
  ServiceTargetParams,
  ServiceTargetRequest,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { requireService } from "../../commands/services.ts";
import { inUnitOfWork } from "../../commands/unit-of-work.ts";
import { pathKey } from "../../domain/target-path.ts";
import { listOwnedTargets, type OwnedTarget, type StoredService } from "../../store/services.ts";
import type { App, Caller } from "../app-type.ts";
import { dispatch, InnerRefusal } from "../dispatch.ts";
import { isDryRun } from "../dry-run.ts";
import { asRequest } from "../patch-routes.ts";
import { viewOneService } from "../views/service.ts";
import { timestamp } from "../views/timestamp.ts";
import type { WritePorts } from "../write-in-unit.ts";
import { answers } from "./responses.ts";

/**
 * The targets of a service one by one, so that several teams can own routes of one domain. Every write is a PUT of the
 * whole service with this one target changed, in one transaction: the checks, the revision and the audit event are its.
 */
export function registerServiceTargetRoutes(app: App, { app: root, context }: WritePorts): void {
  const tags = ["reverse-proxy"];
  const { db } = context.store;
  const all = "/api/reverse-proxies/services/:id/targets";
  const one = `${all}/:targetId`;

  const read = async (caller: Caller, id: string): Promise<Shown> => {
    const { account } = caller.actor;
    const service = await requireService(db, account, id);
    const owned = await listOwnedTargets(db, account, service.id);
    const view = await viewOneService(context, account, service);
    return { service, view, targets: owned.map((target, index) => viewOwned(target, view.targets[index]!)) };
  };

  /** Puts the service with other targets, and shows those it has then. */
  const put = async (caller: Caller, shown: Shown, targets: unknown[], index: number): Promise<Shown> => {
    const body = { ...asRequest(ServiceRequest, shown.view as unknown as Record<string, unknown>), targets };
    const url = `/api/reverse-proxies/services/${shown.service.id}`;
    const answer = await dispatch(root, caller, { method: "PUT", url, body });
    if (answer.status >= 400) throw aboutTarget(answer, index);
    return read(caller, shown.service.id);
  };

  app.get(
    all,
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: IdParams, response: answers(Type.Array(OwnedServiceTarget)) },
    },
    async (request): Promise<OwnedServiceTarget[]> => (await read(request.caller, request.params.id)).targets,
  );

  app.get(
    one,
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: ServiceTargetParams, response: answers(OwnedServiceTarget) },
    },
    async (request): Promise<OwnedServiceTarget> => {
      const { targets } = await read(request.caller, request.params.id);
      return targets[indexOf(targets, request.params.targetId)]!;
    },
  );

  app.post(
    all,
    {
      config: { permission: ["services", "update"], invalidCode: "service.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: ServiceTargetRequest,
        response: answers(OwnedServiceTarget),
      },
    },
    async (request): Promise<OwnedServiceTarget> => {
      const { caller, body } = request;
      return inUnitOfWork(context, { dryRun: isDryRun(request.query) }, async () => {
        const shown = await read(caller, request.params.id);
        requireFreePath(shown.targets, body);
        const { targets } = await put(caller, shown, [...shown.view.targets, body], shown.targets.length);
        return targets.at(-1)!;
      });
    },
  );

  app.put(
    one,
    {
      config: { permission: ["services", "update"], invalidCode: "service.invalid" },
      schema: {
        tags,
        params: ServiceTargetParams,
        querystring: DryRunQuery,
        body: ServiceTargetRequest,
        response: answers(OwnedServiceTarget),
      },
    },
    async (request): Promise<OwnedServiceTarget> => {
      const { caller, body, params } = request;
      return inUnitOfWork(context, { dryRun: isDryRun(request.query) }, async () => {
        const shown = await read(caller, params.id);
        const index = indexOf(shown.targets, params.targetId);
        const { path } = shown.targets[index]!;
        if (pathKey(path ?? null) !== pathKey(body.path ?? null)) {
          throw new AppError("service.invalid", "the path of a target is what it is known by", {
            path: "path",
            hint: "Add a target with the other path, and delete this one.",
          });
        }
        const { targets } = await put(caller, shown, shown.view.targets.with(index, body as never), index);
        return targets[index]!;
      });
    },
  );

  app.delete(
    one,
    {
      config: { permission: ["services", "update"] },
      schema: { tags, params: ServiceTargetParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params } = request;
      return inUnitOfWork(context, { dryRun: isDryRun(request.query) }, async () => {
        const shown = await read(caller, params.id);
        const index = indexOf(shown.targets, params.targetId);
        await put(caller, shown, shown.view.targets.toSpliced(index, 1), -1);
        return {};
      });
    },
  );
}

interface Shown {
  service: StoredService;
  view: Service;
  /** In the order of the view's targets. */
  targets: OwnedServiceTarget[];
}

function viewOwned(owned: OwnedTarget, target: Service["targets"][number]): OwnedServiceTarget {
  return {
    id: owned.id,
    ...target,
    owner: { id: owned.ownerId, name: owned.ownerName },
    created_at: timestamp(owned.createdAt),
  };
}

function indexOf(targets: readonly OwnedServiceTarget[], id: string): number {
  const index = targets.findIndex((target) => target.id === id);
  if (index < 0) throw new AppError("target.not_found", `target ${id} not found`);
  return index;
}

function requireFreePath(
  targets: readonly OwnedServiceTarget[],
  { path = null }: { path?: string | null },
): void {
  const taken = targets.find((target) => pathKey(target.path ?? null) === pathKey(path));
  if (!taken) return;
  const { owner, created_at: since } = taken;
  const who = owner.name || owner.id || "somebody";
  throw new AppError(
    "service.path_taken",
    `${pathKey(path)} belongs to the target ${taken.id}, which ${who} made on ${since}`,
    { path: "path" },
  );
}

/** An error about `targets[2].port` of the service is one about `port` of this target. */
function aboutTarget(answer: InnerRefusal["answer"], index: number): InnerRefusal {
  const body = answer.body as ErrorBody;
  const prefix = `targets[${index}].`;
  if (!body.error.path.startsWith(prefix)) return new InnerRefusal(answer);
  const error = { ...body.error, path: body.error.path.slice(prefix.length) };
  return new InnerRefusal({ ...answer, body: { ...body, error } });
}
