import { EmptyObject, ProxyCluster } from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { removeCluster } from "../../commands/clusters.ts";
import { clustersOf } from "../../domain/clusters.ts";
import { listVisibleProxies } from "../../store/proxies.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { viewCluster } from "../views/cluster.ts";
import { answers } from "./responses.ts";

export function registerClusterRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["reverse-proxy"];

  app.get(
    "/api/reverse-proxies/clusters",
    {
      config: { permission: ["services", "read"] },
      schema: { tags, response: answers(Type.Array(ProxyCluster)) },
    },
    async (request): Promise<ProxyCluster[]> => {
      const { account } = request.caller.actor;
      const proxies = await listVisibleProxies(context.store.db, account);
      return clustersOf(proxies, account, context.nowMs()).map(viewCluster);
    },
  );

  app.delete(
    "/api/reverse-proxies/clusters/:address",
    {
      config: { permission: ["services", "delete"] },
      schema: { tags, params: Type.Object({ address: Type.String() }), response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      await removeCluster(context, request.caller.actor, request.params.address);
      return {};
    },
  );
}
