import type { Peer } from "../client/api-types.ts";
import type { DataSource } from "../framework/resource.ts";
import { flag, nestedList, text } from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";
import { peerDetails, toldPeer } from "./peer-attributes.ts";

const attributes = {
  name_contains: text({
    description: "Only peers whose name contains this, whatever the case.",
    optional: true,
  }),
  group: text({ description: "Only peers in the group with this id.", optional: true }),
  connected: flag({ description: "Only peers that are, or are not, connected.", optional: true }),
  peers: nestedList(
    {
      id: text({ description: "Id of the peer.", computed: true }),
      name: text({ description: "Name of the peer.", computed: true }),
      ip: text({ description: "IPv4 address in the overlay network.", computed: true }),
      ...peerDetails,
    },
    { description: "The peers that fit, by name.", computed: true },
  ),
};

export const peersData: DataSource<typeof attributes, Walk> = {
  typeName: "netbird_peers",
  schema: { version: 0, description: "Peers of the account.", attributes },

  async read({ client, config, signal }) {
    const wanted = config.name_contains?.toLowerCase() ?? "";
    const peers = (await client.api.list<Peer>("/peers", signal)).filter(
      (peer) =>
        peer.name.toLowerCase().includes(wanted) &&
        (config.group === null || (peer.groups ?? []).some(({ id }) => id === config.group)) &&
        (config.connected === null || peer.connected === config.connected),
    );
    // The server's order is arbitrary; ours must not change from plan to plan.
    const sorted = [...peers].sort((a, b) => a.name.localeCompare(b.name, "en") || (a.id < b.id ? -1 : 1));
    return { peers: sorted.map(toldPeer) };
  },
};
