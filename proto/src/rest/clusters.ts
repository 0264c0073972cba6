import Type, { type Static } from "typebox";

export const ProxyCluster = Type.Object(
  {
    id: Type.String({ description: "The smallest proxy id of the cluster; not stable." }),
    address: Type.String({
      description: "Suffix of free domains, and what a custom domain's CNAME points at.",
    }),
    type: Type.Enum(["account", "shared"]),
    online: Type.Boolean(),
    connected_proxies: Type.Integer(),
    supports_custom_ports: Type.Optional(Type.Boolean()),
    require_subdomain: Type.Optional(Type.Boolean()),
    private: Type.Optional(Type.Boolean()),
    supports_crowdsec: Type.Optional(Type.Boolean()),
  },
  { title: "ProxyCluster" },
);
export type ProxyCluster = Static<typeof ProxyCluster>;
