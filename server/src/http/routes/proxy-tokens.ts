import {
  EmptyObject,
  IdParams,
  ProxyToken,
  ProxyTokenCreated,
  ProxyTokenRequest,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { createProxyToken, revokeToken } from "../../commands/proxy-tokens.ts";
import { listProxyTokens } from "../../store/proxy-tokens.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { viewProxyToken } from "../views/proxy-token.ts";
import { answers } from "./responses.ts";

export function registerProxyTokenRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["reverse-proxy"];

  app.get(
    "/api/reverse-proxies/proxy-tokens",
    {
      config: { permission: ["services", "read"] },
      schema: { tags, response: answers(Type.Array(ProxyToken)) },
    },
    async (request): Promise<ProxyToken[]> =>
      (await listProxyTokens(context.store.db, request.caller.actor.account)).map(viewProxyToken),
  );

  app.post(
    "/api/reverse-proxies/proxy-tokens",
    {
      config: { permission: ["services", "create"], invalidCode: "proxy_token.invalid" },
      schema: { tags, body: ProxyTokenRequest, response: answers(ProxyTokenCreated) },
    },
    async (request, reply): Promise<ProxyTokenCreated> => {
      const { actor } = request.caller;
      const { name, expires_in: expiresInSeconds = 0 } = request.body;
      const made = await createProxyToken(context, actor, { name, expiresInSeconds });
      reply.header("Cache-Control", "no-store");
      return { ...viewProxyToken(made.token), plain_token: made.plain };
    },
  );

  app.delete(
    "/api/reverse-proxies/proxy-tokens/:id",
    {
      config: { permission: ["services", "delete"] },
      schema: { tags, params: IdParams, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      await revokeToken(context, request.caller.actor, request.params.id);
      return {};
    },
  );
}
