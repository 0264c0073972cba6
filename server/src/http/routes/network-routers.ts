import {
  DryRunQuery,
  EmptyObject,
  NetworkChildParams,
  NetworkParams,
  NetworkRouter,
  NetworkRouterRequest,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { changeRouter, createRouter, removeRouter, requireRouter } from "../../commands/network-routers.ts";
import { requireNetwork } from "../../commands/networks.ts";
import { listNetworkRouters } from "../../store/network-routers.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewRouter } from "../views/network.ts";
import { answers } from "./responses.ts";

export function registerNetworkRouterRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["networks"];
  const { db } = context.store;
  const all = "/api/networks/:networkId/routers";
  const one = "/api/networks/:networkId/routers/:id";
  const draftOf = ({
    peer = "",
    peer_groups: peerGroups = [],
    metric,
    masquerade,
    enabled,
  }: NetworkRouterRequest) => ({
    peer,
    peerGroups,
    metric,
    masquerade,
    enabled,
  });

  app.get(
    "/api/networks/routers",
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, response: answers(Type.Array(NetworkRouter)) },
    },
    async (request): Promise<NetworkRouter[]> =>
      (await listNetworkRouters(db, request.caller.actor.account)).map(viewRouter),
  );

  app.get(
    all,
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, params: NetworkParams, response: answers(Type.Array(NetworkRouter)) },
    },
    async (request): Promise<NetworkRouter[]> => {
      const { account } = request.caller.actor;
      const network = await requireNetwork(db, account, request.params.networkId);
      return (await listNetworkRouters(db, account, network.id)).map(viewRouter);
    },
  );

  app.get(
    one,
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, params: NetworkChildParams, response: answers(NetworkRouter) },
    },
    async (request): Promise<NetworkRouter> => {
      const { id, networkId } = request.params;
      return viewRouter(await requireRouter(db, request.caller.actor.account, id, networkId));
    },
  );

  app.post(
    all,
    {
      config: { permission: ["networks", "create"], invalidCode: "network.invalid" },
      schema: {
        tags,
        params: NetworkParams,
        querystring: DryRunQuery,
        body: NetworkRouterRequest,
        response: answers(NetworkRouter),
      },
    },
    async (request): Promise<NetworkRouter> => {
      const { actor } = request.caller;
      const dryRun = isDryRun(request.query);
      return viewRouter(
        await createRouter(context, actor, request.params.networkId, draftOf(request.body), { dryRun }),
      );
    },
  );

  app.put(
    one,
    {
      config: { permission: ["networks", "update"], invalidCode: "network.invalid" },
      schema: {
        tags,
        params: NetworkChildParams,
        querystring: DryRunQuery,
        body: NetworkRouterRequest,
        response: answers(NetworkRouter),
      },
    },
    async (request): Promise<NetworkRouter> => {
      const { id, networkId } = request.params;
      const dryRun = isDryRun(request.query);
      return viewRouter(
        await changeRouter(context, request.caller.actor, networkId, id, draftOf(request.body), { dryRun }),
      );
    },
  );

  app.delete(
    one,
    {
      config: { permission: ["networks", "delete"] },
      schema: { tags, params: NetworkChildParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { id, networkId } = request.params;
      const dryRun = isDryRun(request.query);
      await removeRouter(context, request.caller.actor, networkId, id, { dryRun });
      return {};
    },
  );
}
