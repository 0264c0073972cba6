import type { management } from "@netbird-proxy/proto/grpc";
import type { RestrictionMode } from "../address-checks.ts";

export const ruleActions = ["allow", "deny", "require"] as const;
export type RuleAction = (typeof ruleActions)[number];

/** One rule of a service. Made from a mapping, never changed. */
export interface AccessRule {
  /** Exactly this path, or this path and everything below it. Bytes in characters, without a slash at the end. */
  readonly path: string;
  readonly exact: boolean;
  /** {@link path} without regard to case. */
  readonly folded: string;
  /** Empty: every method. */
  readonly methods: ReadonlySet<string>;
  /** Name in lower case; without a value the header only has to be there. */
  readonly header: { readonly name: string; readonly value: string | undefined } | undefined;
  readonly action: RuleAction;
  /** How a caller must have shown who it is: one of `Caller.method`. */
  readonly require: ReadonlySet<string>;
  readonly mode: RestrictionMode;
  /** Two rules with the same outcome are the same to a visitor. */
  readonly outcome: string;
}

/** In order; the first that matches counts. */
export type AccessRules = readonly AccessRule[];

/**
 * @returns a message when a rule cannot be read: it must not silently become a wider one. A method that is not known is
 *   kept: no caller has it, so that a newer server's rule closes more here, not less.
 */
export function accessRules(rules: readonly management.AccessRule[]): AccessRules | string {
  const compiled: AccessRule[] = [];
  for (const [index, rule] of rules.entries()) {
    const action = ruleActions.find((known) => known === rule.action);
    const text = rule.path || rule.pathPrefix;
    if (action === undefined) return `access rule ${index}: action ${rule.action} is not known`;
    if (!text.startsWith("/") || (rule.path !== "" && rule.pathPrefix !== "")) {
      return `access rule ${index}: needs a path or a path prefix, with a slash in front`;
    }
    const path = Buffer.from(text, "utf8").toString("latin1").replace(/\/+$/, "");
    compiled.push({
      path,
      exact: rule.path !== "",
      folded: path.toLowerCase(),
      methods: methodSet(rule.methods),
      header:
        rule.headerName === ""
          ? undefined
          : {
              name: rule.headerName.toLowerCase(),
              value:
                rule.headerValue === undefined
                  ? undefined
                  : Buffer.from(rule.headerValue, "utf8").toString("latin1"),
            },
      action,
      require: new Set(rule.require),
      mode: rule.observe ? "observe" : "enforce",
      outcome: action === "require" ? `require ${[...rule.require].sort().join(" ")}` : action,
    });
  }
  return compiled;
}

/** Whoever may GET may ask for the head of it. */
function methodSet(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.includes("GET") ? [...names, "HEAD"] : names);
}
