import { DryRunQuery, EmptyObject, IdParams } from "@netbird-proxy/proto/rest";
import { endSessions } from "../../commands/services.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { answers } from "./responses.ts";

export function registerServiceSessionsRoute(app: App, { context }: HttpPorts): void {
  app.delete(
    "/api/reverse-proxies/services/:id/sessions",
    {
      config: { permission: ["services", "update"] },
      schema: {
        tags: ["reverse-proxy"],
        params: IdParams,
        querystring: DryRunQuery,
        response: answers(EmptyObject),
      },
    },
    async (request): Promise<EmptyObject> => {
      const dryRun = isDryRun(request.query);
      await endSessions(context, request.caller.actor, request.params.id, { dryRun });
      return {};
    },
  );
}
