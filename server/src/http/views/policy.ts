import type { GroupSummary, Policy, PolicyRule } from "@netbird-proxy/proto/rest";
import type { GroupWithMembers } from "../../store/groups.ts";
import type { PolicySide, Policy as StoredPolicy, PolicyRule as StoredRule } from "../../store/policies.ts";
import { viewGroupSummary } from "./group.ts";

/** Absent and null are different here: NetBird's Terraform provider takes exactly this form for "not set". */
export function viewPolicy(policy: StoredPolicy, groups: readonly GroupWithMembers[]): Policy {
  const byId = new Map<string, GroupSummary>(groups.map((group) => [group.id, viewGroupSummary(group)]));
  return {
    id: policy.id,
    name: policy.name,
    description: policy.description,
    enabled: policy.enabled,
    source_posture_checks: [],
    rules: policy.rules.map((rule) => viewRule(rule, byId)),
  };
}

function viewRule(rule: StoredRule, groups: ReadonlyMap<string, GroupSummary>): PolicyRule {
  const { source, destination, ports, portRanges, authorizedGroups } = rule;
  return {
    id: rule.id,
    name: rule.name,
    description: rule.description,
    enabled: rule.enabled,
    bidirectional: rule.bidirectional,
    action: rule.action,
    protocol: rule.protocol,
    sources: viewGroups(source, groups),
    ...(source.resource ? { sourceResource: source.resource } : {}),
    destinations: viewGroups(destination, groups),
    ...(destination.resource ? { destinationResource: destination.resource } : {}),
    ...(ports.length === 0 ? {} : { ports }),
    ...(portRanges.length === 0 ? {} : { port_ranges: portRanges }),
    ...(Object.keys(authorizedGroups).length === 0 ? {} : { authorized_groups: authorizedGroups }),
  };
}

function viewGroups(side: PolicySide, groups: ReadonlyMap<string, GroupSummary>): GroupSummary[] | null {
  return side.groups?.flatMap((id) => groups.get(id) ?? []) ?? null;
}
