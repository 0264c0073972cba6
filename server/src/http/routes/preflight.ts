import { AppError } from "@netbird-proxy/proto";
import { Preflight, PreflightQuery } from "@netbird-proxy/proto/rest";
import { preflightChecks } from "../../domain/preflight.ts";
import type { App } from "../app-type.ts";
import { inspectName } from "../inspect-name.ts";
import type { HttpPorts } from "../ports.ts";
import { answers } from "./responses.ts";

/** Whether a name would get a certificate, before a service has it. */
export function registerPreflightRoute(app: App, { context, dns, probe }: HttpPorts): void {
  app.get(
    "/api/reverse-proxies/preflight",
    {
      // Reading it makes the server look things up and connect to the cluster.
      config: { permission: ["services", "create"] },
      schema: { tags: ["reverse-proxy"], querystring: PreflightQuery, response: answers(Preflight) },
    },
    async (request): Promise<Preflight> => {
      const { account } = request.caller.actor;
      const domain = request.query.domain.trim();
      if (domain === "") {
        throw new AppError("request.invalid", "domain is missing", {
          path: "domain",
          hint: "Give the name to check: ?domain=shop.example.com",
        });
      }
      const input = await inspectName({ context, dns, probe }, account, domain);
      const checks = preflightChecks(input);
      return { domain: input.domain, ok: checks.every((check) => check.ok), checks };
    },
  );
}
