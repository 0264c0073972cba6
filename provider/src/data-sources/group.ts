import type { Group } from "../client/api-types.ts";
import type { DataSource } from "../framework/resource.ts";
import { nestedSet, setOfText, text } from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";
import { requireSelector, selectOne } from "./select-one.ts";

const attributes = {
  id: text({ description: "Id of the group.", optional: true, computed: true }),
  name: text({ description: "Name of the group.", optional: true, computed: true }),
  peers: setOfText({ description: "Ids of the peers in the group.", computed: true }),
  resources: nestedSet(
    {
      id: text({ description: "Id of the network resource.", computed: true }),
      type: text({ description: "`host`, `subnet`, `domain` or `peer`.", computed: true }),
    },
    { description: "Network resources in the group.", computed: true },
  ),
  issued: text({ description: "Where the group comes from: `api`, `jwt` or `integration`.", computed: true }),
};

export const groupData: DataSource<typeof attributes, Walk> = {
  typeName: "netbird_group",
  schema: { version: 0, description: "One group, found by id or name.", attributes },

  validate: (config, diagnostics) => requireSelector(config, ["id", "name"], diagnostics),

  async read({ client, config, signal }) {
    const found = selectOne(
      "group",
      await client.api.list<Group>("/groups", signal),
      {
        id: { wanted: config.id, of: ({ id }) => id },
        name: { wanted: config.name, of: ({ name }) => name },
      },
      ({ name }) => name,
    );
    return {
      id: found.id,
      name: found.name,
      issued: found.issued,
      peers: (found.peers ?? []).map(({ id }) => id),
      resources: (found.resources ?? []).map(({ id, type }) => ({ id, type })),
    };
  },
};
