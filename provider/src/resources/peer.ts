import type { Peer } from "../client/api-types.ts";
import { isUnknown, unknown } from "../convert/value.ts";
import { requiresReplace, useStateForUnknown } from "../framework/plan-modifiers.ts";
import { flag, type PlanOf, setOfText, text } from "../framework/schema.ts";
import { bytesBetween } from "../framework/validators.ts";
import { reportedAttributes, toldReported } from "./peer-attributes.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";

const adjustable = { optional: true, computed: true, modifiers: [useStateForUnknown()] };

export const peerAttributes = {
  id: text({
    description: "Id of a peer that has joined. A change adopts another one.",
    required: true,
    modifiers: [requiresReplace()],
  }),
  name: text({
    description: "Name of the peer. Without it, the name is left alone.",
    ...adjustable,
    validators: [bytesBetween(1, 255)],
  }),
  ssh_enabled: flag({ description: "Whether SSH to the peer is allowed.", ...adjustable }),
  login_expiration_enabled: flag({
    description: "Whether its login expires. Only for peers of a person.",
    ...adjustable,
  }),
  inactivity_expiration_enabled: flag({
    description: "Whether it has to log in after a time without use. Only for peers of a person.",
    ...adjustable,
  }),
  approval_required: flag({
    description: "Whether somebody has to approve the peer; our server approves every one, and refuses true.",
    ...adjustable,
  }),
  ip: text({ description: "IPv4 address in the overlay network.", ...adjustable }),
  ipv6: text({ description: "IPv6 address in the overlay network; null without one.", ...adjustable }),
  keep_on_destroy: flag({
    description: "Leaves the peer in the account when this resource is destroyed. Defaults to false.",
    default: false,
    clientOnly: true,
  }),
  groups: setOfText({
    description: "Ids of the groups that it is in.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  ...reportedAttributes,
  public_key: text({
    description: "WireGuard public key; null where the server does not say.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
};

type Plan = PlanOf<typeof peerAttributes>;

/** PUT replaces everything, so what nobody configured is sent as it is. */
export function peerBody(plan: Partial<Plan>, current: Peer): object {
  const chosen = <K extends keyof Plan & keyof Peer>(name: K): unknown => {
    const planned = plan[name];
    return planned === null || planned === undefined || isUnknown(planned) ? current[name] : planned;
  };
  // An address that stays is not sent: the server would check that it is free.
  const moved = (name: "ip" | "ipv6") =>
    chosen(name) === current[name] || !chosen(name) ? {} : { [name]: chosen(name) };
  return {
    name: chosen("name"),
    ssh_enabled: chosen("ssh_enabled"),
    login_expiration_enabled: chosen("login_expiration_enabled"),
    inactivity_expiration_enabled: chosen("inactivity_expiration_enabled"),
    approval_required: chosen("approval_required"),
    ...moved("ip"),
    ...moved("ipv6"),
  };
}

export const peerKind: RestKind<typeof peerAttributes, Peer> = {
  typeName: "netbird_peer",
  what: "peer",
  description: "A peer that has joined: adopts it, and manages what can be set about it.",
  attributes: peerAttributes,
  collection: () => "/peers",
  names: { name: ({ name }) => name, ip: ({ ip }) => ip },
  adopts: true,
  createBody: () => ({}),
  updateBody: async ({ plan }, current) => peerBody(plan, await current()),
  // Servers without approval take the field and do nothing, so that every later plan would try again.
  otherwise: (answer, { config }) =>
    config.approval_required === true && !answer.approval_required
      ? {
          path: ["approval_required"],
          summary: "No approval here",
          detail: "The server approves every peer at once. Leave `approval_required` out.",
        }
      : undefined,
  told: (found) => ({
    id: found.id,
    name: found.name,
    ssh_enabled: found.ssh_enabled,
    login_expiration_enabled: found.login_expiration_enabled,
    inactivity_expiration_enabled: found.inactivity_expiration_enabled,
    approval_required: found.approval_required,
    ip: found.ip,
    ipv6: found.ipv6 ?? null,
    groups: (found.groups ?? []).map(({ id }) => id),
    ...toldReported(found),
    public_key: found.public_key ?? null,
  }),
};

const base = restResource(peerKind, {
  plan({ plan, state, changed }) {
    if (changed && state !== null && plan.name !== state.name) plan.dns_label = unknown;
  },
});

export const peer: typeof base = {
  ...base,

  async create({ client, plan, signal, keep }) {
    const path = `/peers/${encodeURIComponent(plan.id as string)}`;
    const current = await client.api.get<Peer>(path, signal);
    const body = peerBody(plan, current);
    const same = Object.entries(body).every(([name, value]) => current[name as keyof Peer] === value);
    const told = peerKind.told(same ? current : await client.api.put<Peer>(path, body, signal));
    keep(told);
    return told;
  },

  async delete(context) {
    if (context.state.keep_on_destroy === true) return;
    await base.delete(context);
  },

  planDestroy({ state, diagnostics }) {
    if (state.keep_on_destroy === true) return;
    diagnostics.warning(
      [],
      "The peer will be removed from the account",
      `${state.name ?? state.id} loses its access and has to join again. Set \`keep_on_destroy = true\` and apply first to only let go of it, or use a \`removed\` block.`,
    );
  },
};
