import { Diagnosis, IdParams } from "@netbird-proxy/proto/rest";
import { requireService } from "../../commands/services.ts";
import { lookUpNames } from "../../dns/look-up-names.ts";
import { diagnoseService } from "../../domain/diagnose-service.ts";
import { foldServiceStatuses } from "../../reconcile/service-status.ts";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";
import { answers } from "./responses.ts";

export function registerServiceDiagnoseRoute(app: App, { context, dns }: HttpPorts): void {
  app.get(
    "/api/reverse-proxies/services/:id/diagnose",
    {
      config: { permission: ["services", "read"] },
      schema: { tags: ["reverse-proxy"], params: IdParams, response: answers(Diagnosis) },
    },
    async (request): Promise<Diagnosis> => {
      const { account } = request.caller.actor;
      const { db } = context.store;
      const service = await requireService(db, account, request.params.id);
      const status = (await foldServiceStatuses(db, account, [service], context.nowMs())).get(service.id)!;
      const checks = diagnoseService({
        service,
        proxies: status.proxies,
        names: await lookUpNames(
          dns,
          service.domain,
          service.private ? status.privateAddresses : service.proxyCluster,
        ),
        nowMs: context.nowMs(),
      });
      return { ok: checks.every((check) => check.ok), checks };
    },
  );
}
