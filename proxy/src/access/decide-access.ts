import { type Answer, type AnswerCode, answer } from "../answer/catalogue.ts";
import { wantsPage } from "../answer/send-answer.ts";
import type { Exchange } from "../exchange.ts";
import type { Caller } from "./caller.ts";
import type { AccessPolicy } from "./policy.ts";
import type { AccessRule } from "./rules/access-rules.ts";
import { fulfils, narrowed, noteObservedRule } from "./rules/apply-rules.ts";
import { signInPage } from "./sign-in/sign-in-page.ts";
import { beginSignIn } from "./sign-in/single-sign-on.ts";
import { localAddress } from "./sign-in/visitor-paths.ts";
import { slowDown } from "./slow-down.ts";

export type Decision =
  | { allow: true; because: "public" | "authenticated" | "rule" }
  | { allow: false; code: AnswerCode };

/** Starts from "no": only a rule that is known and fulfilled opens the service. */
export function decide(policy: AccessPolicy, caller: Caller | undefined, rule?: AccessRule): Decision {
  if (!policy.decided) return { allow: false, code: "access.undecided" };
  if (rule?.action === "deny") return { allow: false, code: "access.rule_denied" };
  if (policy.private) return decidePrivate(caller, rule);
  if (rule?.action === "allow") return { allow: true, because: "rule" };
  if (rule?.action === "require") {
    return fulfils(rule, caller)
      ? { allow: true, because: "authenticated" }
      : { allow: false, code: "access.login_required" };
  }
  if (!policy.authenticated) return { allow: true, because: "public" };
  if (caller === undefined || caller.method === "public")
    return { allow: false, code: "access.login_required" };
  return { allow: true, because: "authenticated" };
}

/** No rule opens it further, and one that asks for another way to sign in asks in vain. */
function decidePrivate(caller: Caller | undefined, rule: AccessRule | undefined): Decision {
  if (caller?.method !== "tunnel") return { allow: false, code: "access.private" };
  if (rule?.action === "require" && !fulfils(rule, caller))
    return { allow: false, code: "access.rule_denied" };
  return { allow: true, because: "authenticated" };
}

export function decideAccess(x: Exchange): Answer | undefined | Promise<Answer> {
  const decision = decide(x.service!.access, x.caller, x.rule);
  noteObservedRule(x, x.caller);
  const isKnown = decision.allow && x.caller !== undefined && x.caller.method !== "public";
  if (x.suspicion === "captcha" && !isKnown) {
    const slowed = slowDown(x);
    if (slowed !== undefined) return slowed;
  }
  if (decision.allow) {
    if (x.caller !== undefined && x.caller.method !== "public") x.authMechanism = x.caller!.method;
    return undefined;
  }
  // Somebody who is in the network has to hear something else than that they should join it.
  const code =
    decision.code === "access.private" && x.down.connection.overlay !== undefined
      ? "access.not_in_group"
      : decision.code;
  if (x.authMechanism === "") x.authMechanism = code.slice("access.".length);
  if (code !== "access.login_required") return answer(code);
  const { service, host, requestId } = x;
  const policy = narrowed(service!.access, x.rule);
  const { password, pin, oidc } = policy;
  // Only a browser that wants to see a page can go to the identity provider and come back.
  if (oidc && !password && !pin && x.down.method === "GET" && wantsPage(x)) {
    return beginSignIn(x, localAddress(x.path + x.query));
  }
  const brand = x.parts.branding.of(service!.accountId);
  const wanted = x.down.method === "GET" ? x.path + x.query : "/";
  return answer(code, {
    page: signInPage({ policy, brand, host, requestId, wanted, problem: "" }),
  });
}
