import type { Domain } from "../client/api-types.ts";
import type { DataSource } from "../framework/resource.ts";
import { flag, text } from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";
import { requireSelector, selectOne } from "./select-one.ts";

const attributes = {
  id: text({ description: "Id of a custom domain.", optional: true, computed: true }),
  domain: text({ description: "The domain.", optional: true, computed: true }),
  type: text({ description: "`free` or `custom`.", optional: true, computed: true }),
  validated: flag({ description: "Whether its DNS record was found.", optional: true, computed: true }),
  target_cluster: text({ description: "Address of the cluster that serves it.", computed: true }),
};

export const reverseProxyDomainData: DataSource<typeof attributes, Walk> = {
  typeName: "netbird_reverse_proxy_domain",
  schema: { version: 0, description: "One domain, as NetBird's own provider finds it.", attributes },

  validate: (config, diagnostics) =>
    requireSelector(config, ["id", "domain", "type", "validated"], diagnostics),

  async read({ client, config, signal }) {
    const found = selectOne(
      "domain",
      await client.api.list<Domain>("/reverse-proxies/domains", signal),
      {
        id: { wanted: config.id, of: ({ id }) => id },
        domain: { wanted: config.domain, of: ({ domain }) => domain },
        type: { wanted: config.type, of: ({ type }) => type },
        validated: { wanted: config.validated, of: ({ validated }) => validated },
      },
      ({ domain }) => domain,
    );
    return {
      id: found.id || null,
      domain: found.domain,
      type: found.type,
      validated: found.validated,
      target_cluster: found.target_cluster ?? (found.type === "free" ? found.domain : null),
    };
  },
};
