import type { User } from "../client/api-types.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { flag, type PlanOf, setOfText, text } from "../framework/schema.ts";
import { bytesBetween, oneOf } from "../framework/validators.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";
import { sorted } from "./sorted.ts";
import { timeOrNull } from "./zero-time.ts";

export const userAttributes = {
  id: text({ description: "Id of the user.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({
    description: "Name. Needed for people. A change makes a new user.",
    optional: true,
    validators: [bytesBetween(1, 255)],
    modifiers: [requiresReplace()],
  }),
  email: text({
    description: "E-mail address, for people only. A change makes a new user.",
    optional: true,
    validators: [bytesBetween(3, 255)],
    modifiers: [requiresReplace()],
  }),
  role: text({
    description: "`admin`, `user`, `auditor`, `network_admin`, `billing_admin` or, for one person, `owner`.",
    required: true,
    validators: [oneOf("owner", "admin", "user", "billing_admin", "auditor", "network_admin")],
  }),
  is_service_user: flag({
    description: "A program instead of a person. Defaults to false. A change makes a new user.",
    default: false,
    modifiers: [requiresReplace()],
  }),
  auto_groups: setOfText({ description: "Ids of the groups that the user belongs to.", optional: true }),
  is_blocked: flag({ description: "Whether the user is locked out. Defaults to false.", default: false }),
  status: text({ description: "`active`, `invited` or `blocked`.", computed: true }),
  issued: text({
    description: "Where the user comes from.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  idp_id: text({
    description:
      "Where a person signs in: `local` for the server's own identity provider; null when not known.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  is_current: flag({
    description: "Whether this is the user of the provider's token.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  pending_approval: flag({
    description: "Whether somebody has to approve the user first.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  last_login: text({
    description: "Time of the latest sign-in, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  password: text({
    description: "The password that the server made for a new person, told once; null when it made none.",
    computed: true,
    sensitive: true,
    modifiers: [useStateForUnknown()],
  }),
};

type Plan = PlanOf<typeof userAttributes>;

const update = (plan: Plan) => ({
  role: plan.role,
  auto_groups: sorted(plan.auto_groups),
  is_blocked: plan.is_blocked,
});

export const userKind: RestKind<typeof userAttributes, User> = {
  typeName: "netbird_user",
  what: "user",
  description: "A person, or a service user: the owner of tokens for programs.",
  attributes: userAttributes,
  collection: () => "/users",
  names: { email: ({ email }) => email, name: ({ name }) => name },
  listOnly: true,
  createBody: ({ plan }) => ({
    role: plan.role,
    auto_groups: sorted(plan.auto_groups),
    is_service_user: plan.is_service_user,
    ...(plan.name === null ? {} : { name: plan.name }),
    ...(plan.email === null ? {} : { email: plan.email }),
  }),
  updateBody: ({ plan }) => update(plan),
  told: (found) => ({
    id: found.id,
    name: found.name,
    email: found.email,
    role: found.role,
    is_service_user: found.is_service_user,
    auto_groups: found.auto_groups,
    is_blocked: found.is_blocked,
    status: found.status,
    issued: found.issued,
    idp_id: found.idp_id ?? null,
    is_current: found.is_current,
    pending_approval: found.pending_approval,
    last_login: timeOrNull(found.last_login),
  }),
  toldOnce: ({ password }) => ({ password: password ?? null }),
};

const base = restResource(userKind, {
  plan({ plan, state, changed }) {
    if (!changed || state === null) return;
    if (plan.is_blocked === state.is_blocked) plan.status = state.status;
  },
});

export const user: typeof base = {
  ...base,

  validate(config, diagnostics) {
    const isService = config.is_service_user ?? false;
    if (isService === false) {
      for (const name of ["name", "email"] as const)
        if (config[name] === null)
          diagnostics.error([name], "Missing", `A person needs \`${name}\`; only a service user has none.`);
    } else if (isService === true && config.email !== null) {
      diagnostics.error(["email"], "Does not fit", "A service user has no e-mail address.");
    }
  },

  async create(context) {
    const created = await base.create(context);
    const { client, plan, signal, keep } = context;
    if (plan.is_blocked !== true) return created;
    const blocked = await client.api.put<User>(
      `/users/${encodeURIComponent(String(created.id))}`,
      update(plan),
      signal,
    );
    const told = { ...created, ...userKind.told(blocked) };
    keep(told);
    return told;
  },

  planDestroy({ state, diagnostics }) {
    if (state.is_service_user === false)
      diagnostics.warning(
        [],
        "A person will be deleted",
        `${state.email ?? state.id} loses access, and so do the person's peers.`,
      );
  },
};
