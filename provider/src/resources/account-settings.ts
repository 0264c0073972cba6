import type { Account, AccountSettings } from "../client/api-types.ts";
import { isUnknown, type ObjectValue, type Value } from "../convert/value.ts";
import { DiagnosticError } from "../framework/diagnostics.ts";
import { useStateForUnknown } from "../framework/plan-modifiers.ts";
import type { Resource } from "../framework/resource.ts";
import { flag, integer, type PlanOf, setOfText, type ToldOf, text } from "../framework/schema.ts";
import { integerBetween } from "../framework/validators.ts";
import { byId } from "./identity.ts";
import { holdsUnknown, preflight } from "./preflight.ts";
import { sorted } from "./sorted.ts";
import type { Walk } from "./walk.ts";

/** Without a value a setting is left as it is. */
const setting = { optional: true, computed: true, modifiers: [useStateForUnknown()] };
const on = (description: string) => flag({ description, ...setting });

const plain = {
  peer_login_expiration_enabled: on("Whether peers of people have to log in again."),
  peer_login_expiration: integer({
    description: "After how many seconds they have to, 1 hour to 180 days.",
    ...setting,
    validators: [integerBetween(3600, 180 * 86_400)],
  }),
  peer_inactivity_expiration_enabled: on("Whether peers have to log in after a time without use."),
  peer_inactivity_expiration: integer({ description: "After how many seconds without use.", ...setting }),
  regular_users_view_blocked: on("Hides other peers from ordinary users."),
  groups_propagation_enabled: on("Gives changed groups of a user to the user's peers."),
  jwt_groups_enabled: on("Takes groups from the identity provider."),
  jwt_groups_claim_name: text({ description: "Claim that holds the groups.", ...setting }),
  jwt_allow_groups: setOfText({ description: "Names of groups whose members may sign in.", ...setting }),
  routing_peer_dns_resolution_enabled: on("Lets routing peers resolve domain resources."),
  lazy_connection_enabled: on("Peers connect only when needed."),
  dns_domain: text({
    description: "Domain of peers' DNS names; empty for the server's default.",
    ...setting,
  }),
  network_range: text({
    description: "IPv4 range of the overlay network. A change gives peers new addresses.",
    ...setting,
  }),
  network_range_v6: text({
    description: "IPv6 range of the overlay network. A change gives peers new addresses.",
    ...setting,
  }),
  ipv6_enabled_groups: setOfText({ description: "Ids of groups whose peers get IPv6.", ...setting }),
  peer_expose_enabled: on("Lets peers expose services by themselves."),
  peer_expose_groups: setOfText({
    description: "Ids of groups whose peers may expose services.",
    ...setting,
  }),
  auto_update_version: text({
    description: "`latest`, `disabled`, or the version that agents update to.",
    ...setting,
  }),
  auto_update_always: on("Updates agents at any time."),
  metrics_push_enabled: on("Lets peers send metrics."),
  local_mfa_enabled: on("Asks local users for a second factor."),
  branding_name: text({ description: "Name on the sign-in pages of services; empty for none.", ...setting }),
  branding_logo: text({
    description: "Picture above it: PNG, JPEG or WebP as a `data:` URL of 24,576 characters or less.",
    ...setting,
  }),
  branding_color: text({
    description: "Color of buttons and marks, such as `#1d4ed8`; empty for the usual one.",
    ...setting,
  }),
};

const extra = {
  peer_approval_enabled: on("New peers wait for approval."),
  user_approval_required: on("New users wait for approval."),
  network_traffic_logs_enabled: on("Stores traffic events of peers."),
  network_traffic_logs_groups: setOfText({
    description: "Ids of groups whose traffic is logged; empty for all.",
    ...setting,
  }),
  network_traffic_packet_counter_enabled: on("Counts packets in traffic events."),
};

export const accountSettingsAttributes = {
  id: text({ description: "Id of the account.", computed: true, modifiers: [useStateForUnknown()] }),
  ...plain,
  ...extra,
};

type Attributes = typeof accountSettingsAttributes;

/** Read-only in the API: sending it back would mean nothing. */
const READ_ONLY = ["embedded_idp_enabled", "local_auth_disabled"];

export function toldSettings({ id, settings }: Account): ToldOf<Attributes> {
  const told: Record<string, unknown> = { id };
  const shown = settings as unknown as Record<string, unknown>;
  const shownExtra = (settings.extra ?? {}) as unknown as Record<string, unknown>;
  for (const name of Object.keys(plain)) told[name] = known(accountSettingsAttributes, name, shown[name]);
  for (const name of Object.keys(extra))
    told[name] = known(accountSettingsAttributes, name, shownExtra[name]);
  return told as ToldOf<Attributes>;
}

/** The API has null for an empty list, and an older one lacks settings that came later. */
function known(attributes: Attributes, name: string, value: unknown): unknown {
  if (value === undefined) return null;
  if (value !== null) return value;
  return Array.isArray(attributes[name as keyof Attributes].type) ? [] : null;
}

/** PUT replaces all settings, so those that nobody configured are sent as the server has them now. */
function body(config: PlanOf<Attributes>, current: AccountSettings): object {
  const merge = (names: object, from: Record<string, unknown>) => {
    const merged: Record<string, unknown> = { ...from };
    for (const name of Object.keys(names)) {
      const value = (config as unknown as ObjectValue)[name] as Value;
      if (value === null || isUnknown(value)) continue;
      merged[name] = Array.isArray(value) ? sorted(value) : value;
    }
    return merged;
  };
  const settings = merge(plain, current as unknown as Record<string, unknown>);
  for (const name of READ_ONLY) delete settings[name];
  for (const [name, value] of Object.entries(settings)) if (value === null) delete settings[name];
  return {
    settings: {
      ...settings,
      extra: merge(extra, (current.extra ?? {}) as unknown as Record<string, unknown>),
    },
  };
}

/** The one account of the token. */
export async function onlyAccount({ api }: Walk, signal: AbortSignal): Promise<Account> {
  const [account] = await api.list<Account>("/accounts", signal);
  if (account === undefined)
    throw new DiagnosticError({
      summary: "There is no account",
      detail: "The token can be used, but its account cannot be read.",
    });
  return account;
}

async function put(client: Walk, config: PlanOf<Attributes>, signal: AbortSignal) {
  const [account] = await client.api.get<Account[]>("/accounts", signal);
  if (account === undefined) return onlyAccount(client, signal);
  const path = `/accounts/${encodeURIComponent(account.id)}`;
  return client.api.put<Account>(path, body(config, account.settings), signal);
}

export const accountSettings: Resource<Attributes, Walk> = {
  typeName: "netbird_account_settings",
  schema: {
    version: 0,
    description: "Settings of the account. There is one set of them; what is left out stays as it is.",
    attributes: accountSettingsAttributes,
  },
  identity: byId,

  /** Settings that are left out stay as they are, so the check needs what the account has now. */
  async plan(context) {
    const { client, config, plan, changed, signal } = context;
    if (!changed || client === undefined || !client.ready || holdsUnknown(config)) return;
    await preflight(context, {
      method: "PUT",
      path: async () => `/accounts/${encodeURIComponent((await onlyAccount(client, signal)).id)}`,
      body: async () => body(config, (await onlyAccount(client, signal)).settings),
      doing: "plan netbird_account_settings",
      attributeOf: (field) => accountSettings.attributeOf!(field, plan),
    });
  },

  async create({ client, config, signal, keep }) {
    const told = toldSettings(await put(client, config, signal));
    keep(told);
    return told;
  },

  async read({ client, state, signal }) {
    const account = await onlyAccount(client, signal);
    return account.id === state.id ? toldSettings(account) : undefined;
  },

  async update({ client, config, signal, keep }) {
    const told = toldSettings(await put(client, config, signal));
    keep(told);
    return told;
  },

  // The account stays, and so do its settings.
  async delete() {},

  planDestroy({ diagnostics }) {
    diagnostics.warning(
      [],
      "The settings stay as they are",
      "Destroying this resource only makes Terraform forget them.",
    );
  },

  async import(_id, { client, signal }) {
    return { id: (await onlyAccount(client, signal)).id };
  },

  attributeOf: (field) => {
    const name =
      field
        .replace(/^settings\./, "")
        .replace(/^extra\./, "")
        .split(/[.[]/)[0] ?? "";
    return Object.hasOwn(accountSettingsAttributes, name) ? [name] : undefined;
  },
};
