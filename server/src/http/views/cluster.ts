import type { ProxyCluster } from "@netbird-proxy/proto/rest";
import type { Cluster } from "../../domain/clusters.ts";

export function viewCluster({ id, address, type, online, active, capabilities }: Cluster): ProxyCluster {
  const { supportsCustomPorts, requireSubdomain, private: isPrivate, supportsCrowdsec } = capabilities;
  return {
    id,
    address,
    type,
    online,
    connected_proxies: active.length,
    ...(supportsCustomPorts === undefined ? {} : { supports_custom_ports: supportsCustomPorts }),
    ...(requireSubdomain === undefined ? {} : { require_subdomain: requireSubdomain }),
    ...(isPrivate === undefined ? {} : { private: isPrivate }),
    ...(supportsCrowdsec === undefined ? {} : { supports_crowdsec: supportsCrowdsec }),
  };
}
