import type { AccountId } from "@netbird-proxy/proto";
import {
  DryRunQuery,
  EmptyObject,
  NetworkChildParams,
  NetworkParams,
  NetworkResource,
  NetworkResourceRequest,
  Nullable,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  changeResource,
  createResource,
  removeResource,
  requireResource,
} from "../../commands/network-resources.ts";
import { requireNetwork } from "../../commands/networks.ts";
import { listGroups } from "../../store/groups.ts";
import {
  listNetworkResources,
  type NetworkResource as StoredResource,
} from "../../store/network-resources.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewResource } from "../views/network.ts";
import { answers } from "./responses.ts";

export function registerNetworkResourceRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["networks"];
  const { db } = context.store;
  const all = "/api/networks/:networkId/resources";
  const one = "/api/networks/:networkId/resources/:id";
  const viewAll = async (
    account: AccountId,
    resources: readonly StoredResource[],
  ): Promise<NetworkResource[]> => {
    const groups = await listGroups(db, account);
    return resources.map((resource) => viewResource(resource, groups));
  };
  const draftOf = ({ name, description = "", address, enabled, groups }: NetworkResourceRequest) => ({
    name,
    description,
    address,
    enabled,
    groups,
  });

  app.get(
    "/api/networks/resources",
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, response: answers(Type.Array(NetworkResource)) },
    },
    async (request): Promise<NetworkResource[]> => {
      const { account } = request.caller.actor;
      return viewAll(account, await listNetworkResources(db, account));
    },
  );

  app.get(
    all,
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, params: NetworkParams, response: answers(Nullable(Type.Array(NetworkResource))) },
    },
    async (request): Promise<NetworkResource[] | null> => {
      const { account } = request.caller.actor;
      const network = await requireNetwork(db, account, request.params.networkId);
      const resources = await listNetworkResources(db, account, network.id);
      return resources.length === 0 ? null : viewAll(account, resources);
    },
  );

  app.get(
    one,
    {
      config: { permission: ["networks", "read"] },
      schema: { tags, params: NetworkChildParams, response: answers(NetworkResource) },
    },
    async (request): Promise<NetworkResource> => {
      const { account } = request.caller.actor;
      const { id, networkId } = request.params;
      return (await viewAll(account, [await requireResource(db, account, id, networkId)]))[0]!;
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
        body: NetworkResourceRequest,
        response: answers(NetworkResource),
      },
    },
    async (request): Promise<NetworkResource> => {
      const { actor } = request.caller;
      const { networkId } = request.params;
      const dryRun = isDryRun(request.query);
      const resource = await createResource(context, actor, networkId, draftOf(request.body), { dryRun });
      return (await viewAll(actor.account, [resource]))[0]!;
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
        body: NetworkResourceRequest,
        response: answers(NetworkResource),
      },
    },
    async (request): Promise<NetworkResource> => {
      const { actor } = request.caller;
      const { id, networkId } = request.params;
      const dryRun = isDryRun(request.query);
      const resource = await changeResource(context, actor, networkId, id, draftOf(request.body), { dryRun });
      return (await viewAll(actor.account, [resource]))[0]!;
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
      await removeResource(context, request.caller.actor, networkId, id, { dryRun });
      return {};
    },
  );
}
