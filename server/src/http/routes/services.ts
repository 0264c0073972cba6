import {
  DeletionQuery,
  DryRunQuery,
  EmptyObject,
  IdParams,
  Service,
  ServiceRequest,
  ServiceStatusDetail,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { createService, removeService, requireService, updateService } from "../../commands/services.ts";
import { foldServiceStatuses } from "../../reconcile/service-status.ts";
import { createServiceCache } from "../../store/service-cache.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewOneService, viewServices, viewStatusDetail } from "../views/service.ts";
import { followChange, readWaitSeconds, waitForProxies } from "../wait-for-proxies.ts";
import { answers } from "./responses.ts";

export function registerServiceRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["reverse-proxy"];
  const { db } = context.store;
  const services = createServiceCache();
  const all = "/api/reverse-proxies/services";
  const one = "/api/reverse-proxies/services/:id";

  app.get(
    all,
    {
      config: { permission: ["services", "read"] },
      schema: { tags, response: answers(Type.Array(Service)) },
    },
    async (request): Promise<Service[]> => {
      const { account } = request.caller.actor;
      return viewServices(context, account, await services.list(db, account));
    },
  );

  app.get(
    one,
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: IdParams, response: answers(Service) },
    },
    async (request): Promise<Service> => {
      const { account } = request.caller.actor;
      return viewOneService(context, account, await requireService(db, account, request.params.id));
    },
  );

  app.get(
    `${one}/status`,
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: IdParams, response: answers(ServiceStatusDetail) },
    },
    async (request): Promise<ServiceStatusDetail> => {
      const { account } = request.caller.actor;
      const service = await requireService(db, account, request.params.id);
      return viewStatusDetail(
        service,
        (await foldServiceStatuses(context.store.db, account, [service], context.nowMs())).get(service.id)!,
      );
    },
  );

  app.post(
    all,
    {
      config: { permission: ["services", "create"], invalidCode: "service.invalid" },
      schema: { tags, querystring: DryRunQuery, body: ServiceRequest, response: answers(Service) },
    },
    async (request): Promise<Service> => {
      const { actor } = request.caller;
      const dryRun = isDryRun(request.query);
      const service = await createService(context, actor, request.body, { dryRun });
      return echoEmptyGroups(request.body, await viewOneService(context, actor.account, service));
    },
  );

  app.put(
    one,
    {
      config: { permission: ["services", "update"], invalidCode: "service.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: ServiceRequest,
        response: answers(Service),
      },
    },
    async (request): Promise<Service> => {
      const { actor } = request.caller;
      const dryRun = isDryRun(request.query);
      const service = await updateService(context, actor, request.params.id, request.body, { dryRun });
      return echoEmptyGroups(request.body, await viewOneService(context, actor.account, service));
    },
  );

  app.delete(
    one,
    {
      config: { permission: ["services", "delete"] },
      schema: { tags, params: IdParams, querystring: DeletionQuery, response: answers(EmptyObject) },
      onSend: waitForProxies(context),
    },
    async (request): Promise<EmptyObject> => {
      readWaitSeconds(request.query);
      const dryRun = isDryRun(request.query);
      const change = await removeService(context, request.caller.actor, request.params.id, { dryRun });
      if (!dryRun) followChange(request, change);
      return {};
    },
  );
}

/** Reads give null for "no groups", but whoever sends [] gets it back: Terraform compares the two. */
function echoEmptyGroups(request: ServiceRequest, service: Service): Service {
  const sent = request.auth?.bearer_auth?.distribution_groups;
  const bearer = service.auth.bearer_auth;
  if (sent?.length !== 0 || !bearer) return service;
  return { ...service, auth: { ...service.auth, bearer_auth: { ...bearer, distribution_groups: [] } } };
}
