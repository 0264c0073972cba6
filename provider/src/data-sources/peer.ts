import type { Peer } from "../client/api-types.ts";
import type { DataSource } from "../framework/resource.ts";
import { text } from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";
import { peerDetails, toldPeer } from "./peer-attributes.ts";
import { requireSelector, selectOne } from "./select-one.ts";

const attributes = {
  id: text({ description: "Id of the peer.", optional: true, computed: true }),
  name: text({ description: "Name of the peer.", optional: true, computed: true }),
  ip: text({ description: "IPv4 address in the overlay network.", optional: true, computed: true }),
  ...peerDetails,
};

export const peerData: DataSource<typeof attributes, Walk> = {
  typeName: "netbird_peer",
  schema: { version: 0, description: "One peer, found by id, name or address.", attributes },

  validate: (config, diagnostics) => requireSelector(config, ["id", "name", "ip"], diagnostics),

  async read({ client, config, signal }) {
    const peers = await client.api.list<Peer>("/peers", signal);
    const found = selectOne(
      "peer",
      peers,
      {
        id: { wanted: config.id, of: ({ id }) => id },
        name: { wanted: config.name, of: ({ name }) => name },
        ip: { wanted: config.ip, of: ({ ip }) => ip },
      },
      ({ name }) => name,
    );
    return toldPeer(found);
  },
};
