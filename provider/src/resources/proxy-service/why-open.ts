import { isUnknown, isWhollyKnown, type Value } from "../../convert/value.ts";
import type { AccessRuleState } from "./access-rules.ts";
import type { ServicePlan } from "./attributes.ts";

/**
 * What lets everybody on the internet through, and what to do about it; undefined when something stops them, or when it is
 * not known yet. The server decides the same way for its warning `service.public`.
 */
export function whyOpen(plan: ServicePlan): string | undefined {
  const { mode, auth, access_restrictions: limits } = plan;
  if (plan.private !== false || isUnknown(limits) || !isWhollyKnown(plan.access_rules as Value))
    return undefined;
  const limited = limits !== null && limits.cidr_mode !== "observe" && !isEmptyList(limits.allowed_cidrs);
  if (limited) return undefined;
  const rules = (plan.access_rules ?? []) as readonly AccessRuleState[];
  const index = rules.findIndex(isForEverything);
  if (index !== -1 && rules[index]!.action !== "allow") return undefined;
  if (auth === null) {
    const remedy = mode === "http" ? "Add `auth`" : "Limit `access_restrictions.allowed_cidrs`";
    return `Nothing asks visitors who they are. ${remedy} to protect the service, or \`public = true\` to confirm that this is meant.`;
  }
  return index === -1
    ? undefined
    : `\`access_rules[${index}]\` allows every request, so \`auth\` asks nobody. Remove one of the two; with \`public = true\` in place of \`auth\`, being open is confirmed.`;
}

/** A rule that stands in front of whatever the service does usually. */
function isForEverything({ path_prefix, methods, header, mode }: AccessRuleState): boolean {
  return path_prefix === "/" && isEmptyList(methods) && header === null && mode !== "observe";
}

function isEmptyList(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
