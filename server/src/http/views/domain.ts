import type { Domain } from "@netbird-proxy/proto/rest";
import type { Cluster } from "../../domain/clusters.ts";
import { domainRecords, validationName } from "../../domain/domain-proof.ts";
import type { CustomDomain } from "../../store/domains.ts";
import { timestamp } from "./timestamp.ts";

/** A name that needs no registration: the address of a usable cluster. */
export function viewFreeDomain(cluster: Cluster): Domain {
  return {
    id: "",
    domain: cluster.address,
    type: "free",
    validated: true,
    ...capabilities(cluster),
    ...(cluster.capabilities.requireSubdomain === undefined
      ? {}
      : { require_subdomain: cluster.capabilities.requireSubdomain }),
  };
}

export function viewCustomDomain(domain: CustomDomain, cluster?: Cluster): Domain {
  return {
    id: domain.id,
    domain: domain.domain,
    type: "custom",
    validated: domain.validated,
    target_cluster: domain.targetCluster,
    ...(cluster ? capabilities(cluster) : {}),
    validation: {
      record: validationName(domain.domain),
      records: domainRecords(domain, domain.clusterAddresses),
      ...(domain.validationMethod === null ? {} : { method: domain.validationMethod }),
      ...(domain.lastCheckedAt === null ? {} : { last_checked_at: timestamp(domain.lastCheckedAt) }),
      ...(domain.lastError === "" ? {} : { error: domain.lastError }),
    },
  };
}

function capabilities({
  capabilities: { supportsCustomPorts, supportsCrowdsec, private: isPrivate },
}: Cluster) {
  return {
    ...(supportsCustomPorts === undefined ? {} : { supports_custom_ports: supportsCustomPorts }),
    ...(supportsCrowdsec === undefined ? {} : { supports_crowdsec: supportsCrowdsec }),
    ...(isPrivate === undefined ? {} : { supports_private: isPrivate }),
  };
}
