import type { AccessRule } from "../../client/api-types.ts";
import { nested, type StateOf, setOfText, text } from "../../framework/schema.ts";
import { bytesBetween, eachOfSet, matching, oneOf } from "../../framework/validators.ts";

const plainPath = matching(
  /^\/(?!\/)[^%\\;?#\s]*$/,
  "a path that starts with one slash and is written decoded, without %, \\, ;, ?, # and spaces",
);

export const accessRuleAttributes = {
  path: text({
    description: "Exactly this path. Give this or `path_prefix`.",
    optional: true,
    validators: [plainPath],
  }),
  path_prefix: text({
    description: "This path and everything below it.",
    optional: true,
    validators: [plainPath],
  }),
  methods: setOfText({
    description: "HTTP methods in capital letters; every method when left out. `GET` has `HEAD` with it.",
    optional: true,
    validators: [eachOfSet(matching(/^[A-Z][A-Z-]*$/, "a method in capital letters, such as POST"))],
  }),
  header: nested(
    {
      name: text({ description: "Name of the header.", required: true, validators: [bytesBetween(1, 128)] }),
      value: text({
        description: "Its value; when left out, the header only has to be there.",
        optional: true,
        validators: [bytesBetween(1, 4096)],
      }),
    },
    { description: "Only requests with this header.", optional: true },
  ),
  action: text({
    description:
      "`allow` asks nobody to sign in, `deny` refuses everybody, `require` takes only what `require` names.",
    required: true,
    validators: [oneOf("allow", "deny", "require")],
  }),
  require: setOfText({
    description:
      "With the action `require`: any one of these, which `auth` has: `password`, `pin`, `sso`, `header`, `token`, `certificate`, `share_link`.",
    optional: true,
    validators: [eachOfSet(oneOf("password", "pin", "sso", "header", "token", "certificate", "share_link"))],
  }),
  mode: text({
    description:
      "`observe` decides nothing and notes in the access log whom the rule would have refused; `enforce` when left out.",
    optional: true,
    validators: [oneOf("enforce", "observe")],
  }),
};

export type AccessRuleState = StateOf<typeof accessRuleAttributes>;

/** Sets go in one order, so that what is sent is always the same. */
export function accessRuleRequest(rule: AccessRuleState): AccessRule {
  const request: AccessRule = { action: rule.action as "allow" };
  if (rule.path !== null) request.path = rule.path;
  if (rule.path_prefix !== null) request.path_prefix = rule.path_prefix;
  if (rule.methods !== null) request.methods = [...rule.methods].sort();
  if (rule.header !== null) {
    request.header = { name: rule.header.name! };
    if (rule.header.value !== null) request.header.value = rule.header.value;
  }
  if (rule.require !== null) request.require = [...rule.require].sort() as NonNullable<AccessRule["require"]>;
  if (rule.mode !== null) request.mode = rule.mode as "observe";
  return request;
}

export function toldAccessRules(rules: readonly AccessRule[] | undefined) {
  if (rules === undefined) return null;
  return rules.map((rule) => ({
    path: rule.path ?? null,
    path_prefix: rule.path_prefix ?? null,
    methods: rule.methods ?? null,
    header: rule.header === undefined ? null : { name: rule.header.name, value: rule.header.value ?? null },
    action: rule.action,
    require: rule.require ?? null,
    mode: rule.mode ?? null,
  }));
}
