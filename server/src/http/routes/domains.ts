import { Domain, DomainRequest, DryRunQuery, IdParams } from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  checkDomainDraft,
  createDomain,
  recordDomainCheck,
  removeDomain,
  requireDomain,
} from "../../commands/domains.ts";
import { checkCustomDomain } from "../../dns/check-custom-domain.ts";
import { clustersOf } from "../../domain/clusters.ts";
import { listDomains } from "../../store/domains.ts";
import { listVisibleProxies } from "../../store/proxies.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewCustomDomain, viewFreeDomain } from "../views/domain.ts";
import { answers, NOTHING } from "./responses.ts";

export function registerDomainRoutes(app: App, { context, dns, log }: HttpPorts): void {
  const tags = ["reverse-proxy"];
  const { db } = context.store;

  app.get(
    "/api/reverse-proxies/domains",
    { config: { permission: ["services", "read"] }, schema: { tags, response: answers(Type.Array(Domain)) } },
    async (request): Promise<Domain[]> => {
      const { account } = request.caller.actor;
      const clusters = clustersOf(await listVisibleProxies(db, account), account, context.nowMs());
      const custom = (await listDomains(db, account)).map((domain) =>
        viewCustomDomain(
          domain,
          clusters.find(({ address }) => address.toLowerCase() === domain.targetCluster.toLowerCase()),
        ),
      );
      return [...clusters.filter(({ online }) => online).map(viewFreeDomain), ...custom];
    },
  );

  app.post(
    "/api/reverse-proxies/domains",
    {
      config: { permission: ["services", "create"], invalidCode: "domain.invalid" },
      schema: { tags, querystring: DryRunQuery, body: DomainRequest, response: answers(Domain) },
    },
    async (request): Promise<Domain> => {
      const { actor } = request.caller;
      const draft = { domain: request.body.domain, targetCluster: request.body.target_cluster };
      // Once before the lookup, so that nobody uses us to resolve whatever they like, and once more inside.
      await checkDomainDraft(db, actor.account, draft, context.nowMs());
      const check = await checkCustomDomain(dns, draft.domain, draft.targetCluster);
      const domain = await createDomain(context, actor, draft, check, { dryRun: isDryRun(request.query) });
      return viewCustomDomain(domain);
    },
  );

  app.delete(
    "/api/reverse-proxies/domains/:id",
    {
      config: { permission: ["services", "delete"] },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        response: { 204: { description: "Deleted", type: "null" } },
      },
    },
    async (request, reply) => {
      await removeDomain(context, request.caller.actor, request.params.id, {
        dryRun: isDryRun(request.query),
      });
      // Returned and not sent, because the request may be part of a larger unit of work that is not committed yet.
      reply.status(204);
      return NOTHING;
    },
  );

  // A GET that changes something, as in NetBird's API.
  app.get(
    "/api/reverse-proxies/domains/:id/validate",
    {
      config: { permission: ["services", "create"] },
      schema: { tags, params: IdParams, response: { 202: { description: "Started", type: "null" } } },
    },
    async (request, reply) => {
      const { actor } = request.caller;
      const domain = await requireDomain(db, actor.account, request.params.id);
      checkCustomDomain(dns, domain.domain, domain.targetCluster)
        .then((check) => recordDomainCheck(context, actor, domain, check))
        .catch((error) => log.error({ err: error, domainId: domain.id }, "domain check failed"));
      return reply.status(202).send(NOTHING);
    },
  );
}
