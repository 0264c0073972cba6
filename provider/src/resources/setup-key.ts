import type { SetupKey } from "../client/api-types.ts";
import { isGone, mayHaveHappened } from "../client/failure.ts";
import { DiagnosticError } from "../framework/diagnostics.ts";
import { requiresReplace, requiresReplaceIfStored, useStateForUnknown } from "../framework/plan-modifiers.ts";
import type { Resource } from "../framework/resource.ts";
import { flag, integer, type PlanOf, setOfText, type ToldOf, text } from "../framework/schema.ts";
import { bytesBetween, integerBetween, oneOf } from "../framework/validators.ts";
import { byId } from "./identity.ts";
import { onlyMatch, parseImportId } from "./import-lookup.ts";
import { TEN_YEARS_SECONDS } from "./issued.ts";
import { holdsUnknown, preflight } from "./preflight.ts";
import type { Walk } from "./walk.ts";

const ZERO_TIME = "0001-01-01T00:00:00Z";

export const setupKeyAttributes = {
  id: text({ description: "Id of the setup key.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({
    description: "Name of the key. A change makes a new key.",
    required: true,
    validators: [bytesBetween(1, 255)],
    modifiers: [requiresReplace()],
  }),
  type: text({
    description: "`reusable` or `one-off`. Defaults to `reusable`. A change makes a new key.",
    default: "reusable",
    validators: [oneOf("reusable", "one-off")],
    modifiers: [requiresReplace()],
  }),
  expiry_seconds: integer({
    description:
      "How long the key is valid, in seconds; 0 is for ever. Defaults to 0. A change makes a new key.",
    default: 0,
    validators: [integerBetween(0, TEN_YEARS_SECONDS)],
    // The API never returns it: an imported key adopts what is configured.
    clientOnly: true,
    modifiers: [requiresReplaceIfStored()],
  }),
  usage_limit: integer({
    description: "How many peers may use it; 0 is any number. A one-off key has 1. A change makes a new key.",
    optional: true,
    computed: true,
    validators: [integerBetween(0, 1_000_000)],
    modifiers: [requiresReplace()],
  }),
  ephemeral: flag({
    description: "Peers that join with it are removed when they stay offline. A change makes a new key.",
    default: false,
    modifiers: [requiresReplace()],
  }),
  allow_extra_dns_labels: flag({
    description: "Peers that join with it may add DNS labels. A change makes a new key.",
    default: false,
    modifiers: [requiresReplace()],
  }),
  auto_groups: setOfText({
    description: "Ids of the groups that peers join with the key.",
    optional: true,
  }),
  revoked: flag({
    description: "Whether the key is revoked. A revoked key stays revoked. Defaults to false.",
    default: false,
  }),
  key: text({
    description: "The key itself. Known only when Terraform created it; an imported key has none.",
    computed: true,
    sensitive: true,
    modifiers: [useStateForUnknown()],
  }),
  expires: text({
    description: "When it ends, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  state: text({ description: "`valid`, `overused`, `expired` or `revoked`.", computed: true }),
  valid: flag({ description: "Whether peers can still join with it.", computed: true }),
  last_used: text({
    description: "When a peer joined with it last, RFC 3339; null when never.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  updated_at: text({ description: "When it was changed last, RFC 3339.", computed: true }),
  used_times: integer({
    description: "How many peers used it.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

type Attributes = typeof setupKeyAttributes;

const COLLECTION = "/setup-keys";

export const setupKey: Resource<Attributes, Walk> = {
  typeName: "netbird_setup_key",
  schema: {
    version: 0,
    description: "A key with which peers join the account.",
    attributes: setupKeyAttributes,
  },
  identity: byId,

  validate(config, diagnostics) {
    const { type, usage_limit: limit } = config;
    if (type === "one-off" && typeof limit === "number" && limit !== 1)
      diagnostics.error(
        ["usage_limit"],
        "Does not fit the type",
        "A one-off key is used once; leave `usage_limit` out.",
      );
  },

  async plan(context) {
    const { plan, state, requiresReplace, changed, config } = context;
    if (!changed) return;
    if (state === null) {
      plan.used_times = 0;
      plan.last_used = null;
      if (plan.revoked === false) {
        plan.state = "valid";
        plan.valid = true;
      }
    }
    // Nothing configured leaves the limit as it is, so that it never makes a new key by itself.
    if (config.usage_limit === null) {
      const isNew = state === null || requiresReplace.length > 0;
      plan.usage_limit = isNew ? (plan.type === "one-off" ? 1 : 0) : state.usage_limit;
      const at = requiresReplace.findIndex(([name]) => name === "usage_limit");
      if (at >= 0) requiresReplace.splice(at, 1);
    }
    if (state !== null && plan.revoked === state.revoked) {
      plan.state = state.state;
      plan.valid = state.valid;
    } else if (plan.revoked === true) {
      plan.state = "revoked";
      plan.valid = false;
    }
    // The server refuses it; only a new key helps.
    if (state?.revoked === true && plan.revoked === false) requiresReplace.push(["revoked"]);
    if (state !== null || holdsUnknown(config)) return;
    await preflight(context, {
      method: "POST",
      path: COLLECTION,
      body: creation(plan, config),
      doing: "plan netbird_setup_key",
      attributeOf: (field) => setupKey.attributeOf!(field, plan),
    });
  },

  async create({ client, plan, config, signal, keep, diagnostics }) {
    const request = creation(plan, config);
    try {
      const created = await client.api.post<SetupKey>(COLLECTION, request, signal);
      keep({ ...toldSetupKey(created), key: created.key });
      if (plan.revoked === true) await put(client, created.id, request.auto_groups, true, signal);
      return { ...toldSetupKey(created), key: created.key };
    } catch (error) {
      // The key is shown once, in the answer that was lost: the object would be of no use.
      if (mayHaveHappened(error))
        diagnostics.warning(
          [],
          "A setup key may have been left behind",
          `The answer was lost. Look for a key named "${request.name}" on the server, and delete it.`,
        );
      throw error;
    }
  },

  async read({ client, state, signal }) {
    try {
      const found = await client.api.find<SetupKey>(COLLECTION, state.id!, signal);
      const never = found.expires === ZERO_TIME;
      // Stored: what was configured. Right after an import: known only for a key that never ends.
      return { ...toldSetupKey(found), expiry_seconds: state.expiry_seconds ?? (never ? 0 : null) };
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  },

  async update({ client, plan, state, signal }) {
    const groups = (plan.auto_groups as readonly string[] | null) ?? [];
    const same =
      plan.revoked === state.revoked &&
      [...groups].sort().join() === [...(state.auto_groups ?? [])].sort().join();
    if (same) return {};
    return toldSetupKey(await put(client, state.id!, [...groups].sort(), plan.revoked as boolean, signal));
  },

  async delete({ client, state, signal }) {
    try {
      await client.api.delete(path(state.id!), signal);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  },

  async import(id, { client, signal }) {
    const { field, value } = parseImportId(id);
    const keys = await client.api.list<SetupKey>(COLLECTION, signal);
    if (field === "name") return { id: onlyMatch(keys, "setup key", "name", value, ({ name }) => name).id };
    if (field !== undefined && field !== "id")
      throw new DiagnosticError({ summary: "Unknown form of id", detail: "Give the id, or name=<name>." });
    return { id: value };
  },

  attributeOf: (field) => {
    const [name = ""] = field.split(/[.[]/);
    if (name === "expires_in") return ["expiry_seconds"];
    return Object.hasOwn(setupKeyAttributes, name) ? [name] : undefined;
  },
};

function creation(plan: PlanOf<Attributes>, config: PlanOf<Attributes>) {
  return {
    name: plan.name as string,
    type: plan.type as "reusable",
    expires_in: plan.expiry_seconds as number,
    usage_limit: typeof plan.usage_limit === "number" ? plan.usage_limit : 0,
    auto_groups: [...((config.auto_groups as readonly string[] | null) ?? [])].sort(),
    ephemeral: plan.ephemeral as boolean,
    allow_extra_dns_labels: plan.allow_extra_dns_labels as boolean,
  };
}

function put(
  client: Walk,
  id: string,
  groups: string[],
  revoked: boolean,
  signal: AbortSignal,
): Promise<SetupKey> {
  return client.api.put<SetupKey>(path(id), { auto_groups: groups, revoked }, signal);
}

function path(id: string): string {
  return `${COLLECTION}/${encodeURIComponent(id)}`;
}

/** Without the key: later answers only show its beginning. */
export function toldSetupKey(found: SetupKey): ToldOf<Attributes> {
  return {
    id: found.id,
    name: found.name,
    type: found.type,
    usage_limit: found.usage_limit,
    ephemeral: found.ephemeral,
    allow_extra_dns_labels: found.allow_extra_dns_labels,
    auto_groups: found.auto_groups ?? [],
    revoked: found.revoked,
    expires: found.expires === ZERO_TIME ? null : found.expires,
    state: found.state,
    valid: found.valid,
    last_used: found.last_used === ZERO_TIME ? null : found.last_used,
    updated_at: found.updated_at,
    used_times: found.used_times,
  };
}
