import type { Peer, PeerCreated } from "../client/api-types.ts";
import { createdSince } from "../client/created-since.ts";
import { isGone, mayHaveHappened } from "../client/failure.ts";
import { isUnknown, unknown } from "../convert/value.ts";
import {
  requiresReplaceIfConfigured,
  requiresReplaceIfStored,
  useStateForUnknown,
} from "../framework/plan-modifiers.ts";
import { flag, setOfText, type ToldOf, text } from "../framework/schema.ts";
import { bytesBetween, matching } from "../framework/validators.ts";
import { EVERYBODY, joinExactly } from "./group-membership.ts";
import { warnAboutLeftover } from "./leftover.ts";
import { peerBody } from "./peer.ts";
import type { RestKind } from "./rest-kind.ts";
import { restResource } from "./rest-resource.ts";
import { sorted } from "./sorted.ts";
import { fetchWireguardConfig } from "./wireguard-config.ts";

const COLLECTION = "/peers";

export const wireguardPeerAttributes = {
  id: text({ description: "Id of the peer.", computed: true, modifiers: [useStateForUnknown()] }),
  name: text({ description: "Name of the device.", required: true, validators: [bytesBetween(1, 255)] }),
  public_key: text({
    description:
      "WireGuard public key of the device. Without it the server makes a key pair, whose private half is then in the state. A change makes a new peer.",
    optional: true,
    computed: true,
    validators: [
      matching(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, "a WireGuard key: 44 characters of base64"),
    ],
    modifiers: [useStateForUnknown(), requiresReplaceIfConfigured()],
  }),
  preshared_key: flag({
    description: "Protects the tunnels with a shared key too. Defaults to false. A change makes a new peer.",
    default: false,
    clientOnly: true,
    modifiers: [requiresReplaceIfStored()],
  }),
  groups: setOfText({
    description: `Ids of the groups it is in, beside \`${EVERYBODY}\`. Without it, membership is left alone.`,
    optional: true,
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  ip: text({
    description: "IPv4 address in the overlay network. Without it, the server chooses.",
    optional: true,
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  ipv6: text({
    description: "IPv6 address in the overlay network. Without it, the server chooses.",
    optional: true,
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  dns_label: text({
    description: "DNS name in the overlay network.",
    computed: true,
    modifiers: [useStateForUnknown()],
  }),
  private_key: text({
    description: "The private key, where the server made the key pair. Told once.",
    computed: true,
    sensitive: true,
    modifiers: [useStateForUnknown()],
  }),
  wireguard_config: text({
    description:
      "A wg-quick file for the device. With a `public_key` of your own, put the private key into it. Proxies that join later are not in it; the data source `netbird_wireguard_config` has them.",
    computed: true,
    sensitive: true,
    modifiers: [useStateForUnknown()],
  }),
};

export function toldDevice(found: Peer): ToldOf<typeof wireguardPeerAttributes> {
  return {
    id: found.id,
    name: found.name,
    public_key: found.public_key ?? null,
    groups: (found.groups ?? []).filter(({ name }) => name !== EVERYBODY).map(({ id }) => id),
    ip: found.ip,
    ipv6: found.ipv6 ?? null,
    dns_label: found.dns_label,
  };
}

export const wireguardPeerKind: RestKind<typeof wireguardPeerAttributes, Peer> = {
  typeName: "netbird_wireguard_peer",
  what: "WireGuard peer",
  description: "A stock WireGuard device (kernel, router, phone) as a peer, with the configuration it needs.",
  attributes: wireguardPeerAttributes,
  collection: () => COLLECTION,
  names: { name: ({ name }) => name, public_key: (found) => found.public_key ?? "", ip: ({ ip }) => ip },
  createBody: ({ plan, config }) => ({
    name: plan.name,
    ...(typeof config.public_key === "string" ? { public_key: config.public_key } : {}),
    ...(config.groups === null ? {} : { groups: sorted(plan.groups) }),
    ...(plan.preshared_key === true ? { preshared_key: true } : {}),
  }),
  updateBody: async ({ plan }, current) => peerBody(plan, await current()),
  told: toldDevice,
};

const base = restResource(wireguardPeerKind, {
  plan({ plan, state, config, changed, requiresReplace }) {
    if (!changed) return;
    if (state !== null && plan.name !== state.name) plan.dns_label = unknown;
    if (state !== null && (plan.ip !== state.ip || plan.ipv6 !== state.ipv6)) plan.wireguard_config = unknown;
    // A new peer gets an address and keys of its own.
    if (requiresReplace.length > 0)
      for (const name of ["ip", "ipv6", "public_key"] as const)
        if (config[name] === null) plan[name] = unknown;
    if (typeof config.public_key === "string" && state === null) plan.private_key = null;
  },
});

export const wireguardPeer: typeof base = {
  ...base,

  async create({ client, plan, config, signal, keep, diagnostics }) {
    const body = wireguardPeerKind.createBody({ plan, config, state: null });
    const startedMs = Date.now();
    let created: Peer & Partial<PeerCreated>;
    try {
      created = await client.api.post<PeerCreated>(COLLECTION, body, signal);
    } catch (error) {
      if (!mayHaveHappened(error)) throw error;
      // Keys are unique, so a device of ours that turned up is ours; without its private key it would be of no use.
      const peers = (await client.api.get<Peer[] | null>(COLLECTION, signal)) ?? [];
      const adopted = peers.find(
        (one) =>
          typeof config.public_key === "string" &&
          one.public_key === config.public_key &&
          createdSince(startedMs, { id: one.id, createdAt: one.created_at }),
      );
      if (adopted === undefined) {
        warnAboutLeftover(error, "peer", plan.name, diagnostics);
        throw error;
      }
      created = adopted;
    }
    const once = { private_key: created.private_key ?? null, wireguard_config: created.wireguard_config };
    keep({ ...toldDevice(created), ...once });
    const wantsAddress = [config.ip, config.ipv6].some((one) => one !== null && !isUnknown(one));
    let now: Peer = created;
    if (wantsAddress)
      now = await client.api.put<Peer>(`${COLLECTION}/${created.id}`, peerBody(plan, created), signal);
    const fresh = wantsAddress || once.wireguard_config === undefined;
    const told = {
      ...toldDevice(now),
      private_key: once.private_key,
      wireguard_config: fresh
        ? await configOf(client, created.id, once.private_key, signal)
        : once.wireguard_config,
    };
    keep(told);
    return told;
  },

  async read(context) {
    const told = await base.read(context);
    const { client, state, signal } = context;
    if (told === undefined || state.wireguard_config !== null) return told;
    return { ...told, wireguard_config: await configOf(client, state.id!, state.private_key, signal) };
  },

  async update(context) {
    const { client, plan, state, config, signal, keep } = context;
    const told = await base.update(context);
    if (config.groups !== null) {
      await joinExactly(client, state.id!, state.groups ?? [], sorted(plan.groups), signal);
      keep({ ...told, groups: sorted(plan.groups) });
    }
    if (!isUnknown(plan.wireguard_config)) return told;
    return { ...told, wireguard_config: await configOf(client, state.id!, state.private_key, signal) };
  },
};

/** The file as it would be now; null where the server has none. */
async function configOf(
  client: Parameters<typeof joinExactly>[0],
  id: string,
  privateKey: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    return await fetchWireguardConfig(client, id, privateKey, signal);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}
