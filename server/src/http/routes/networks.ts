import type { AccountId } from "@netbird-proxy/proto";
import { DryRunQuery, EmptyObject, IdParams, Network, NetworkRequest } from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { changeNetwork, createNetwork, removeNetwork, requireNetwork } from "../../commands/networks.ts";
import { listGroups } from "../../store/groups.ts";
import { listNetworkResources } from "../../store/network-resources.ts";
import { listNetworkRouters } from "../../store/network-routers.ts";
import { listNetworks, type Network as StoredNetwork } from "../../store/networks.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewNetwork } from "../views/network.ts";
import { answers } from "./responses.ts";

export function registerNetworkRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["networks"];
  const { db } = context.store;
  const viewAll = async (account: AccountId, networks: readonly StoredNetwork[]): Promise<Network[]> => {
    const resources = await listNetworkResources(db, account);
    const routers = await listNetworkRouters(db, account);
    const groups = await listGroups(db, account);
    return networks.map((network) => viewNetwork(network, resources, routers, groups));
  };
  const draftOf = ({ name, description = "" }: NetworkRequest) => ({ name, description });

  app.get(
    "/api/networks",
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, response: answers(Type.Array(Network)) },
    },
    async (request): Promise<Network[]> => {
      const { account } = request.caller.actor;
      return viewAll(account, await listNetworks(db, account));
    },
  );

  app.get(
    "/api/networks/:id",
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, params: IdParams, response: answers(Network) },
    },
    async (request): Promise<Network> => {
      const { account } = request.caller.actor;
      return (await viewAll(account, [await requireNetwork(db, account, request.params.id)]))[0]!;
    },
  );

  app.post(
    "/api/networks",
    {
      config: { permission: ["networks", "create"], invalidCode: "network.invalid" },
      schema: { tags, querystring: DryRunQuery, body: NetworkRequest, response: answers(Network) },
    },
    async (request): Promise<Network> => {
      const dryRun = isDryRun(request.query);
      const network = await createNetwork(context, request.caller.actor, draftOf(request.body), { dryRun });
      return viewNetwork(network, [], [], [], []);
    },
  );

  app.put(
    "/api/networks/:id",
    {
      config: { permission: ["networks", "update"], invalidCode: "network.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: NetworkRequest,
        response: answers(Network),
      },
    },
    async (request): Promise<Network> => {
      const { actor } = request.caller;
      const dryRun = isDryRun(request.query);
      const network = await changeNetwork(context, actor, request.params.id, draftOf(request.body), {
        dryRun,
      });
      return (await viewAll(actor.account, [network]))[0]!;
    },
  );

  app.delete(
    "/api/networks/:id",
    {
      config: { permission: ["networks", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      await removeNetwork(context, request.caller.actor, request.params.id, {
        dryRun: isDryRun(request.query),
      });
      return {};
    },
  );
}
