import type { ProxyCluster } from "../client/api-types.ts";
import type { DataSource } from "../framework/resource.ts";
import { flag, integer, nestedList, text } from "../framework/schema.ts";
import type { Walk } from "../resources/walk.ts";

const attributes = {
  clusters: nestedList(
    {
      id: text({ description: "Id of one of its proxies; not stable.", computed: true }),
      address: text({
        description: "Address of the cluster: services may use names under it.",
        computed: true,
      }),
      type: text({ description: "`account` or `shared`.", computed: true }),
      online: flag({ description: "Whether at least one of its proxies is connected.", computed: true }),
      connected_proxies: integer({ description: "How many proxies are connected.", computed: true }),
      supports_custom_ports: flag({
        description: "Whether services may choose their port; null when not known.",
        computed: true,
      }),
      require_subdomain: flag({
        description: "Whether the address itself cannot be a service's domain; null when not known.",
        computed: true,
      }),
    },
    { description: "Clusters, by address.", computed: true },
  ),
};

export const proxyClustersData: DataSource<typeof attributes, Walk> = {
  typeName: "netbird_proxy_clusters",
  schema: { version: 0, description: "Clusters of proxies that services can run on.", attributes },

  async read({ client, signal }) {
    const clusters = await client.api.list<ProxyCluster>("/reverse-proxies/clusters", signal);
    return {
      clusters: [...clusters]
        .sort((a, b) => (a.address < b.address ? -1 : 1))
        .map((cluster) => ({
          id: cluster.id,
          address: cluster.address,
          type: cluster.type ?? null,
          online: cluster.online ?? cluster.connected_proxies > 0,
          connected_proxies: cluster.connected_proxies,
          supports_custom_ports: cluster.supports_custom_ports ?? null,
          require_subdomain: cluster.require_subdomain ?? null,
        })),
    };
  },
};

/** The same under the name that NetBird's own provider gives it. */
export const reverseProxyClustersData: typeof proxyClustersData = {
  ...proxyClustersData,
  typeName: "netbird_reverse_proxy_clusters",
};
