import type { AccountId } from "@netbird-proxy/proto";
import {
  DryRunQuery,
  EmptyObject,
  IdParams,
  Policy,
  PolicyRequest,
  type PolicyRuleRequest,
} from "@netbird-proxy/proto/rest";
import Type from "typebox";
import { changePolicy, createPolicy, removePolicy, requirePolicy } from "../../commands/policies.ts";
import type { PolicyDraft, PolicyRuleDraft } from "../../domain/validate-policy.ts";
import { listGroups } from "../../store/groups.ts";
import { listPolicies, type Policy as StoredPolicy } from "../../store/policies.ts";
import type { App } from "../app-type.ts";
import { isDryRun } from "../dry-run.ts";
import type { HttpPorts } from "../ports.ts";
import { viewPolicy } from "../views/policy.ts";
import { answers } from "./responses.ts";

export function registerPolicyRoutes(app: App, { context }: HttpPorts): void {
  const tags = ["policies"];
  const { db } = context.store;
  const viewAll = async (account: AccountId, policies: readonly StoredPolicy[]): Promise<Policy[]> => {
    const groups = await listGroups(db, account);
    return policies.map((policy) => viewPolicy(policy, groups));
  };
  const view = async (policy: StoredPolicy) => (await viewAll(policy.accountId, [policy]))[0]!;

  app.get(
    "/api/policies",
    {
      config: { permission: ["policies", "read"] },
      schema: { tags, response: answers(Type.Array(Policy)) },
    },
    async (request): Promise<Policy[]> => {
      const { account } = request.caller.actor;
      return viewAll(account, await listPolicies(db, account));
    },
  );

  app.get(
    "/api/policies/:id",
    {
      config: { permission: ["policies", "read"] },
      schema: { tags, params: IdParams, response: answers(Policy) },
    },
    async (request): Promise<Policy> =>
      view(await requirePolicy(db, request.caller.actor.account, request.params.id)),
  );

  app.post(
    "/api/policies",
    {
      config: { permission: ["policies", "create"], invalidCode: "policy.invalid" },
      schema: { tags, querystring: DryRunQuery, body: PolicyRequest, response: answers(Policy) },
    },
    async (request): Promise<Policy> => {
      const dryRun = isDryRun(request.query);
      return view(await createPolicy(context, request.caller.actor, draftOf(request.body), { dryRun }));
    },
  );

  app.put(
    "/api/policies/:id",
    {
      config: { permission: ["policies", "update"], invalidCode: "policy.invalid" },
      schema: {
        tags,
        params: IdParams,
        querystring: DryRunQuery,
        body: PolicyRequest,
        response: answers(Policy),
      },
    },
    async (request): Promise<Policy> => {
      const { caller, params, body, query } = request;
      const options = { dryRun: isDryRun(query) };
      return view(await changePolicy(context, caller.actor, params.id, draftOf(body), options));
    },
  );

  app.delete(
    "/api/policies/:id",
    {
      config: { permission: ["policies", "delete"] },
      schema: { tags, params: IdParams, querystring: DryRunQuery, response: answers(EmptyObject) },
    },
    async (request): Promise<EmptyObject> => {
      const { caller, params, query } = request;
      await removePolicy(context, caller.actor, params.id, { dryRun: isDryRun(query) });
      return {};
    },
  );
}

function draftOf({ name, description = "", enabled, rules }: PolicyRequest): PolicyDraft {
  return { name, description, enabled, rules: rules.map(ruleDraftOf) };
}

function ruleDraftOf(rule: PolicyRuleRequest): PolicyRuleDraft {
  return {
    id: rule.id,
    name: rule.name,
    description: rule.description ?? "",
    enabled: rule.enabled,
    bidirectional: rule.bidirectional,
    action: rule.action,
    protocol: rule.protocol,
    sources: rule.sources,
    sourceResource: rule.sourceResource,
    destinations: rule.destinations,
    destinationResource: rule.destinationResource,
    ports: rule.ports ?? [],
    portRanges: rule.port_ranges ?? [],
    authorizedGroups: rule.authorized_groups ?? {},
  };
}
