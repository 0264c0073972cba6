import { Domain, DomainRequest, DryRunQuery, IdParams } from "@netbird-proxy/proto/rest";
import Type from "typebox";
import {
  checkDomainDraft,
  createDomain,
  recordDomainCheck,
  removeDomain,
  requireDomain,
} from "../../commands/domains.ts";
import { checkCustomDomain, type DomainCheck } from "../../dns/check-custom-domain.ts";
import { clustersOf } from "../../domain/clusters.ts";
import { listDomains } from "../../store/domains.ts";
import { listVisibleProxies } from "../../store/proxies.ts";
import type { App } from "../app-type.ts";
import { innerCaller } from "../dispatch.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewCustomDomain, viewFreeDomain } from "../views/domain.ts";
import { answers, NOTHING } from "./responses.ts";

export function registerDomainRoutes(app: App, { context, dns, log }: HttpPorts): void {
  const tags = ["reverse-proxy"];
  const { db } = context.store;
  const checks = new WeakMap<object, DomainCheck>();
  const draftOf = (body: DomainRequest) => ({ domain: body.domain, targetCluster: body.target_cluster });

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
      // Before the handler, which may run in a transaction that others wait for, as DNS may take seconds. A batch has
      // opened its transaction already: there the first look is the background job's.
      preHandler: async (request) => {
        if (innerCaller()) return;
        const draft = draftOf(request.body);
        // So that nobody uses us to resolve whatever they like.
        await checkDomainDraft(db, request.caller.actor.account, draft, context.nowMs());
        const { account: accountId } = request.caller.actor;
        checks.set(request, await checkCustomDomain(dns, { ...draft, accountId }));
      },
    },
    async (request): Promise<Domain> => {
      const { actor } = request.caller;
      const draft = draftOf(request.body);
      const check = checks.get(request) ?? null;
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
      checkCustomDomain(dns, domain)
        .then((check) => recordDomainCheck(context, actor, domain, check))
        .catch((error) => log.error({ err: error, domainId: domain.id }, "domain check failed"));
      return reply.status(202).send(NOTHING);
    },
  );
}
