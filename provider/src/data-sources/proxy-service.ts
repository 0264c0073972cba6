import type { Service } from "../client/api-types.ts";
import type { DataSource } from "../framework/resource.ts";
import {
  flag,
  integer,
  listOfText,
  nested,
  nestedList,
  setOfText,
  type ToldOf,
  text,
} from "../framework/schema.ts";
import { toldService } from "../resources/proxy-service/told.ts";
import type { Walk } from "../resources/walk.ts";
import { requireSelector, selectOne } from "./select-one.ts";

export const serviceDataAttributes = {
  id: text({ description: "Id of the service.", optional: true, computed: true }),
  domain: text({ description: "Domain of the service.", optional: true, computed: true }),
  name: text({ description: "Name of the service.", optional: true, computed: true }),
  mode: text({ description: "`http`, `tcp`, `udp` or `tls`.", computed: true }),
  enabled: flag({ description: "Whether it is served.", computed: true }),
  private: flag({ description: "Whether only the overlay network reaches it.", computed: true }),
  listen_port: integer({ description: "Port on the proxy; null in mode http.", computed: true }),
  access_groups: setOfText({
    description: "Ids of the groups that reach a private service.",
    computed: true,
  }),
  targets: nestedList(
    {
      path: text({ description: "Path prefix; null in layer 4 modes.", computed: true }),
      target_type: text({ description: "`peer`, `host`, `domain`, `subnet` or `cluster`.", computed: true }),
      target_id: text({ description: "Id of the peer or network resource.", computed: true }),
      host: text({ description: "The address that was looked up.", computed: true }),
      port: integer({ description: "Port of the target; 0 is the protocol's default.", computed: true }),
      protocol: text({ description: "`http`, `https`, `tcp` or `udp`.", computed: true }),
      enabled: flag({ description: "Whether the target is used.", computed: true }),
    },
    { description: "Where requests go.", computed: true },
  ),
  url: text({ description: "Where visitors reach it.", computed: true }),
  private_addresses: listOfText({
    description:
      "Of a private service: the overlay addresses of the cluster's proxies, for the DNS records of its domain.",
    computed: true,
  }),
  status: text({ description: "`active`, or why it is not.", computed: true }),
  status_reason: nested(
    {
      code: text({ description: "Stable code of the reason.", computed: true }),
      message: text({ description: "What is wrong.", computed: true }),
      hint: text({ description: "What to do about it.", computed: true }),
    },
    { description: "Why it is not active; null while it is.", computed: true },
  ),
  proxy_cluster: text({ description: "The cluster that serves it.", computed: true }),
  certificate: nested(
    {
      source: text({ description: "`acme`, `wildcard`, `static` or `uploaded`.", computed: true }),
      expires_at: text({ description: "When it ends, RFC 3339.", computed: true }),
    },
    { description: "The certificate that visitors see.", computed: true },
  ),
  live_on: listOfText({ description: "Ids of the proxies that serve the newest version.", computed: true }),
};

export const proxyServiceData: DataSource<typeof serviceDataAttributes, Walk> = {
  typeName: "netbird_proxy_service",
  schema: {
    version: 0,
    description: "One service, found by id, domain or name.",
    attributes: serviceDataAttributes,
  },

  validate: (config, diagnostics) => requireSelector(config, ["id", "domain", "name"], diagnostics),

  async read({ client, config, signal }) {
    const found = selectOne(
      "service",
      await client.api.list<Service>("/reverse-proxies/services", signal),
      {
        id: { wanted: config.id, of: ({ id }) => id },
        domain: { wanted: config.domain, of: ({ domain }) => domain },
        name: { wanted: config.name, of: ({ name }) => name },
      },
      ({ domain }) => domain,
    );
    return toldServiceData(found);
  },
};

export function toldServiceData(found: Service): ToldOf<typeof serviceDataAttributes> {
  const told = toldService(found);
  return {
    id: told.id,
    domain: told.domain,
    name: told.name,
    mode: told.mode,
    enabled: told.enabled,
    private: told.private,
    listen_port: told.listen_port,
    access_groups: told.access_groups,
    targets: found.targets.map((target) => ({
      path: found.mode === "http" ? target.path || "/" : null,
      target_type: target.target_type,
      target_id: target.target_id,
      host: target.host,
      port: target.port,
      protocol: target.protocol,
      enabled: target.enabled,
    })),
    url: told.url,
    private_addresses: told.private_addresses,
    status: told.status,
    status_reason: told.status_reason,
    proxy_cluster: told.proxy_cluster,
    certificate: told.certificate,
    live_on: told.live_on,
  };
}
