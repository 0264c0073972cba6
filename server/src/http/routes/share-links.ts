import {
  EmptyObject,
  IdParams,
  ServiceGrantParams,
  ShareLink,
  ShareLinkCreated,
  ShareLinkRequest,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { createShareLink, deleteShareLink } from "../../commands/service-grants.ts";
import { requireService } from "../../commands/services.ts";
import { listGrantUses } from "../../store/grant-uses.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { viewOneService } from "../views/service.ts";
import { viewShareLink } from "../views/service-grants.ts";
import { answers } from "./responses.ts";

/** Where proxies take share links. */
const SHARE_PATH = "/.netbird/share/";

/** Links that let in whoever has them. Source: ours; NetBird has none. */
export function registerShareLinkRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["reverse-proxy"];
  const all = "/api/reverse-proxies/services/:id/share-links";

  app.get(
    all,
    {
      config: { permission: ["services", "read"] },
      schema: { tags, params: IdParams, response: answers(Type.Array(ShareLink)) },
    },
    async (request): Promise<ShareLink[]> => {
      const { db } = context.store;
      const service = await requireService(db, request.caller.actor.account, request.params.id);
      const uses = await listGrantUses(db, service.id);
      return service.grants.links.map((link) => viewShareLink(link, uses.get(link.id)));
    },
  );

  app.post(
    all,
    {
      config: { permission: ["services", "update"], invalidCode: "share_link.invalid" },
      schema: {
        tags,
        params: IdParams,
        body: ShareLinkRequest,
        response: answers(ShareLinkCreated),
      },
    },
    async (request, reply): Promise<ShareLinkCreated> => {
      const { name, expires_in: expiresInSeconds, max_uses: maxUses = 0, path = "/" } = request.body;
      const { secret, link, service } = await createShareLink(
        context,
        request.caller.actor,
        request.params.id,
        { name, expiresInSeconds, maxUses, path },
      );
      const { url } = await viewOneService(context, request.caller.actor.account, service);
      reply.header("Cache-Control", "no-store");
      return { ...viewShareLink(link, undefined), url: `${url}${SHARE_PATH}${secret}` };
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
      await deleteShareLink(context, request.caller.actor, id, grantId);
      return {};
    },
  );
}
