import { type Answer, answer } from "../../answer/catalogue.ts";
import type { Exchange } from "../../exchange.ts";
import type { PathPrefix } from "../../route/path-match.ts";
import type { RouteMatch } from "../../route/service.ts";
import type { Caller } from "../caller.ts";
import type { AccessPolicy } from "../policy.ts";
import type { AccessRule } from "./access-rules.ts";
import { matchRules, type RuledRequest } from "./match-rules.ts";

/** Finds the rule of the service that holds for this request. What it means is decided when the caller is known. */
export function applyRules(x: Exchange): Answer | undefined {
  const { rules } = x.service!.access;
  if (rules.length === 0) return undefined;
  const match = matchRules(rules, ruledRequest(x, { route: x.route!, covered: x.covered }));
  if (match === undefined) {
    x.authMechanism = "ambiguous_path";
    return answer("access.ambiguous_path");
  }
  x.rule = match.rule;
  const { observed } = match;
  if (observed?.action === "deny") note(x, "rule_denied");
  else if (observed !== undefined) x.observedRule = observed;
  if (match.rule?.action !== "deny") return undefined;
  x.authMechanism = "rule_denied";
  x.parts.addressChecks.onFinding({ restriction: "rule", verdict: "rule_denied", mode: "enforce" });
  return answer("access.rule_denied");
}

/** What rules look at, of a request that takes this route. */
export function ruledRequest(
  { down: { method, headers }, path }: Exchange,
  { route, covered }: RouteMatch,
): RuledRequest {
  const stripped =
    route.strip && covered > 0
      ? { prefix: decodedPrefix(route.prefix), rest: path.slice(covered) }
      : undefined;
  return { method, path, stripped, headers };
}

/** Says in the access log what a rule that is only observed would have refused. */
export function noteObservedRule(x: Exchange, caller: Caller | undefined): void {
  const rule = x.observedRule;
  if (rule?.action === "require" && !fulfils(rule, caller)) note(x, "rule_login_required");
}

export function fulfils(rule: AccessRule, caller: Caller | undefined): boolean {
  if (caller === undefined) return false;
  // In the overlay nobody is asked to sign in who could, as one of the same groups.
  return rule.require.has(caller.method === "tunnel" ? "oidc" : caller.method);
}

/** The policy with nothing but the methods that the rule asks for, for the page that offers them. */
export function narrowed(policy: AccessPolicy, rule: AccessRule | undefined): AccessPolicy {
  if (rule?.action !== "require") return policy;
  const { require } = rule;
  return {
    ...policy,
    password: policy.password && require.has("password"),
    pin: policy.pin && require.has("pin"),
    oidc: policy.oidc && require.has("oidc"),
    headerNames: require.has("header") ? policy.headerNames : [],
    serviceTokens: require.has("token") ? policy.serviceTokens : undefined,
    clientAuthority: require.has("certificate") ? policy.clientAuthority : undefined,
    shareLink: policy.shareLink && require.has("link"),
  };
}

/** Rules are written decoded; as bytes in characters. */
function decodedPrefix({ segments }: PathPrefix): string {
  return Buffer.from(segments.map((segment) => `/${segment}`).join(""), "utf8").toString("latin1");
}

function note(x: Exchange, verdict: string): void {
  const finding = { restriction: "rule", verdict, mode: "observe" } as const;
  x.findings = [...x.findings, finding];
  x.parts.addressChecks.onFinding(finding);
}
