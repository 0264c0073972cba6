import { isDeepStrictEqual } from "node:util";
import { type AccountId, AppError, type GroupId, type PeerId, type PolicyId } from "@netbird-proxy/proto";
import { type PolicyDraft, type PolicyRuleDraft, validatePolicy } from "../domain/validate-policy.ts";
import { newId } from "../domain/xid.ts";
import { listGroups } from "../store/groups.ts";
import {
  deletePolicy,
  getPolicy,
  insertPolicy,
  listPolicies,
  type Policy,
  type PolicyResource,
  type PolicyRule,
  type PolicySide,
  replacePolicy,
} from "../store/policies.ts";
import type { Db } from "../store/transaction.ts";
import { runCommand, type Work } from "./command.ts";
import type { Actor, CommandContext, CommandOptions } from "./context.ts";

/** @throws AppError `policy.invalid` */
export async function createPolicy(
  context: CommandContext,
  actor: Actor,
  draft: PolicyDraft,
  options?: CommandOptions,
): Promise<Policy> {
  validatePolicy(draft);
  return runCommand(
    context,
    actor,
    async ({ trx, nowMs, audit }) => {
      const id = newId<PolicyId>();
      // Ids of a request name existing rules, and a new policy has none.
      const rules = draft.rules.map((rule) => ({ ...rule, id: undefined }));
      const policy: Policy = {
        id,
        accountId: actor.account,
        name: draft.name,
        description: draft.description,
        enabled: draft.enabled,
        rules: await completeRules(trx, actor.account, id, rules),
        createdAt: nowMs,
      };
      await insertPolicy(trx, policy);
      await audit("policy.add", id, { name: policy.name });
      return policy;
    },
    options,
  );
}

/** Full replacement; one that changes nothing leaves no event. @throws AppError `policy.not_found`, `policy.invalid` */
export async function changePolicy(
  context: CommandContext,
  actor: Actor,
  id: string,
  draft: PolicyDraft,
  options?: CommandOptions,
): Promise<Policy> {
  return runCommand(
    context,
    actor,
    async ({ trx, audit }) => {
      const before = await requirePolicy(trx, actor.account, id);
      validatePolicy(draft);
      checkRuleIds(before, draft.rules);
      const after: Policy = {
        ...before,
        name: draft.name,
        description: draft.description,
        enabled: draft.enabled,
        rules: await completeRules(trx, actor.account, before.id, draft.rules),
      };
      if (isDeepStrictEqual(after, before)) return before;
      await replacePolicy(trx, after);
      await audit("policy.update", after.id, { name: after.name });
      return after;
    },
    options,
  );
}

/** @throws AppError `policy.not_found` */
export async function removePolicy(
  context: CommandContext,
  actor: Actor,
  id: string,
  options?: CommandOptions,
): Promise<void> {
  await runCommand(
    context,
    actor,
    async ({ trx, audit }) => {
      const policy = await requirePolicy(trx, actor.account, id);
      await deletePolicy(trx, actor.account, policy.id);
      await audit("policy.delete", policy.id, { name: policy.name });
    },
    options,
  );
}

export async function requirePolicy(db: Db, account: AccountId, id: string): Promise<Policy> {
  const policy = await getPolicy(db, account, id);
  if (!policy) throw new AppError("policy.not_found", `policy ${id} not found`);
  return policy;
}

/** The policy that a new account starts with: everybody may reach everybody. */
export async function addDefaultPolicy(
  { trx, nowMs }: Work,
  account: AccountId,
  all: GroupId,
): Promise<void> {
  const id = newId<PolicyId>();
  const everybody: PolicySide = { groups: [all], resource: null };
  const description = "Every peer may reach every other.";
  await insertPolicy(trx, {
    id,
    accountId: account,
    name: "Default",
    description,
    enabled: true,
    rules: [
      {
        id,
        name: "Default",
        description,
        enabled: true,
        bidirectional: true,
        action: "accept",
        protocol: "all",
        source: everybody,
        destination: everybody,
        ports: [],
        portRanges: [],
        authorizedGroups: {},
      },
    ],
    createdAt: nowMs,
  });
}

/** Inside the command that deletes a peer: a rule about it would mean nothing any more. */
export async function removePoliciesOfPeer(
  { trx, audit }: Work,
  account: AccountId,
  peer: PeerId,
): Promise<void> {
  const names = ({ resource }: PolicySide) => resource?.type === "peer" && resource.id === peer;
  for (const policy of await listPolicies(trx, account)) {
    if (!policy.rules.some(({ source, destination }) => names(source) || names(destination))) continue;
    await deletePolicy(trx, account, policy.id);
    await audit("policy.delete", policy.id, { name: policy.name });
  }
}

export function policyUsesGroup({ rules }: Policy, group: GroupId): boolean {
  return rules.some(
    ({ source, destination, authorizedGroups }) =>
      source.groups?.includes(group) ||
      destination.groups?.includes(group) ||
      Object.hasOwn(authorizedGroups, group),
  );
}

function checkRuleIds(policy: Policy, rules: readonly PolicyRuleDraft[]): void {
  const known = new Set(policy.rules.map(({ id }) => id));
  for (const [index, { id }] of rules.entries()) {
    if (!id) continue;
    if (!known.delete(id)) {
      throw new AppError("policy.invalid", `${id} is no rule of the policy, or is named twice`, {
        path: `rules[${index}].id`,
      });
    }
  }
}

/**
 * A rule without an id gets the policy's; when there are several, only one can. Ids that are no group of the account
 * are left out, as NetBird does.
 */
async function completeRules(
  db: Db,
  account: AccountId,
  policy: PolicyId,
  drafts: readonly PolicyRuleDraft[],
): Promise<PolicyRule[]> {
  const known = new Set<string>((await listGroups(db, account)).map(({ id }) => id));
  const used = new Set<string>(drafts.flatMap(({ id }) => (id ? [id] : [])));
  const side = (groups: string[] | undefined, resource: PolicyResource | undefined): PolicySide =>
    groups
      ? { groups: [...new Set(groups)].filter((id) => known.has(id)), resource: null }
      : { groups: null, resource: { id: resource!.id, type: resource!.type } };
  return drafts.map((draft) => {
    const id = draft.id || (used.has(policy) ? newId<string>() : policy);
    used.add(id);
    return {
      id,
      name: draft.name,
      description: draft.description,
      enabled: draft.enabled,
      bidirectional: draft.bidirectional,
      action: draft.action,
      protocol: draft.protocol,
      source: side(draft.sources, draft.sourceResource),
      destination: side(draft.destinations, draft.destinationResource),
      ports: draft.ports,
      portRanges: draft.portRanges.map(({ start, end }) => ({ start, end })),
      authorizedGroups: draft.authorizedGroups,
    };
  });
}
