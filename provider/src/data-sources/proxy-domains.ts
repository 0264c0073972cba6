import type { Domain } from "../client/api-types.ts";
import type { DataSource } from "../framework/resource.ts";
import { flag, nestedList, text } from "../framework/schema.ts";
import { oneOf } from "../framework/validators.ts";
import type { Walk } from "../resources/walk.ts";

const attributes = {
  type: text({
    description: "Only `free` or only `custom` domains.",
    optional: true,
    validators: [oneOf("free", "custom")],
  }),
  domains: nestedList(
    {
      id: text({ description: "Id of a custom domain; null for a free one.", computed: true }),
      domain: text({ description: "The domain; services may use names under it.", computed: true }),
      type: text({
        description: "`free` for the address of a connected cluster, `custom` for one of your own.",
        computed: true,
      }),
      validated: flag({ description: "Whether its DNS record was found.", computed: true }),
      target_cluster: text({ description: "Address of the cluster that serves it.", computed: true }),
    },
    { description: "Domains, by name.", computed: true },
  ),
};

export const proxyDomainsData: DataSource<typeof attributes, Walk> = {
  typeName: "netbird_proxy_domains",
  schema: { version: 0, description: "Domains under which services can be reached.", attributes },

  async read({ client, config, signal }) {
    const domains = await client.api.list<Domain>("/reverse-proxies/domains", signal);
    return {
      domains: domains
        .filter(({ type }) => config.type === null || type === config.type)
        .sort((a, b) => (a.domain < b.domain ? -1 : 1))
        .map((one) => ({
          id: one.id || null,
          domain: one.domain,
          type: one.type,
          validated: one.validated,
          target_cluster: one.target_cluster ?? (one.type === "free" ? one.domain : null),
        })),
    };
  },
};
