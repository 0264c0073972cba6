import {
  EmptyObject,
  IdParams,
  ServiceGrantParams,
  ServiceToken,
  ServiceTokenCreated,
  ServiceTokenRequest,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { createServiceToken, deleteServiceToken } from "../../commands/service-grants.ts";
import { requireService } from "../../commands/services.ts";
import { listGrantUses } from "../../store/grant-uses.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { viewServiceToken } from "../views/service-grants.ts";
import { answers } from "./responses.ts";

/** The machine credentials of a service. Source: ours; NetBird has none. */
export function registerServiceTokenRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["reverse-proxy"];
  const all = "/api/reverse-proxies/services/:id/tokens";

  app.get(
    all,
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: IdParams, response: answers(Type.Array(ServiceToken)) },
    },
    async (request): Promise<ServiceToken[]> => {
      const { db } = context.store;
      const service = await requireService(db, request.caller.actor.account, request.params.id);
      const uses = await listGrantUses(db, service.id);
      return service.grants.tokens.map((token) => viewServiceToken(token, uses.get(token.id)));
    },
  );

  app.post(
    all,
    {
      config: { permission: ["services", "update"], invalidCode: "service_token.invalid" },
      schema: {
        tags,
        params: IdParams,
        body: ServiceTokenRequest,
        response: answers(ServiceTokenCreated),
      },
    },
    async (request, reply): Promise<ServiceTokenCreated> => {
      const { name, expires_in: expiresInSeconds = 0 } = request.body;
      const { plain, token } = await createServiceToken(context, request.caller.actor, request.params.id, {
        name,
        expiresInSeconds,
      });
      reply.header("Cache-Control", "no-store");
      return { ...viewServiceToken(token, undefined), plain_token: plain };
    },
  );

  app.delete(
    `${all}/:grantId`,
    {
      config: { permission: ["services", "update"] },
      schema: { tags, params: ServiceGrantParams, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { id, grantId } = request.params;
      await deleteServiceToken(context, request.caller.actor, id, grantId);
      return {};
    },
  );
}
