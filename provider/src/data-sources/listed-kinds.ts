import type { Domain, Group, Service, SetupKey } from "../client/api-types.ts";
import { certificateKind } from "../resources/certificate.ts";
import { customDomainAttributes, toldDomain } from "../resources/custom-domain.ts";
import { dnsCredentialsKind } from "../resources/dns-credentials.ts";
import { groupAttributes, toldGroup } from "../resources/group.ts";
import { networkKind } from "../resources/network.ts";
import { networkResourceKind } from "../resources/network-resource.ts";
import { networkRouterKind } from "../resources/network-router.ts";
import { policyKind } from "../resources/policy.ts";
import { proxyServiceTargetKind } from "../resources/proxy-service-target.ts";
import { proxyTokenKind } from "../resources/proxy-token.ts";
import { reverseProxyServiceKind } from "../resources/reverse-proxy-service.ts";
import { setupKeyAttributes, toldSetupKey } from "../resources/setup-key.ts";
import { tokenKind } from "../resources/token.ts";
import { userKind } from "../resources/user.ts";
import { type ListedKind, listOfKind, oneOfKind } from "./from-kind.ts";
import { serviceDataAttributes, toldServiceData } from "./proxy-service.ts";

export const groupKind: ListedKind<typeof groupAttributes, Group> = {
  typeName: "netbird_group",
  what: "group",
  attributes: groupAttributes,
  collection: () => "/groups",
  names: { name: ({ name }) => name },
  told: toldGroup,
};

export const setupKeyKind: ListedKind<typeof setupKeyAttributes, SetupKey> = {
  typeName: "netbird_setup_key",
  what: "setup key",
  attributes: setupKeyAttributes,
  collection: () => "/setup-keys",
  names: { name: ({ name }) => name },
  told: toldSetupKey,
};

export const customDomainKind: ListedKind<typeof customDomainAttributes, Domain> = {
  typeName: "netbird_custom_domain",
  what: "custom domain",
  attributes: customDomainAttributes,
  collection: () => "/reverse-proxies/domains",
  names: { domain: ({ domain }) => domain },
  told: toldDomain,
  // The same list has the free domains of clusters.
  isGone: ({ type }) => type !== "custom",
};

export const serviceKind: ListedKind<typeof serviceDataAttributes, Service> = {
  typeName: "netbird_proxy_service",
  what: "service",
  attributes: serviceDataAttributes,
  collection: () => "/reverse-proxies/services",
  names: { name: ({ name }) => name },
  told: toldServiceData,
};

/** Data sources that show what the resource of the same name manages, and the lists of those. */
export const kindDataSources = [
  oneOfKind(certificateKind),
  oneOfKind(customDomainKind),
  oneOfKind(dnsCredentialsKind),
  oneOfKind(networkKind),
  oneOfKind(networkResourceKind),
  oneOfKind(networkRouterKind),
  oneOfKind(policyKind),
  oneOfKind(proxyTokenKind),
  oneOfKind(proxyServiceTargetKind),
  oneOfKind(reverseProxyServiceKind),
  oneOfKind(setupKeyKind),
  oneOfKind(tokenKind),
  oneOfKind(userKind),
  listOfKind(certificateKind, {
    typeName: "netbird_certificates",
    list: "certificates",
    description: "Certificates that were uploaded.",
  }),
  listOfKind(groupKind, {
    typeName: "netbird_groups",
    list: "groups",
    description: "Groups of the account.",
  }),
  listOfKind(networkKind, {
    typeName: "netbird_networks",
    list: "networks",
    description: "Networks of the account.",
  }),
  listOfKind(networkResourceKind, {
    typeName: "netbird_network_resources",
    list: "resources",
    description: "Resources of one network.",
  }),
  listOfKind(networkRouterKind, {
    typeName: "netbird_network_routers",
    list: "routers",
    description: "Routers of one network.",
  }),
  listOfKind(policyKind, {
    typeName: "netbird_policies",
    list: "policies",
    description: "Policies of the account.",
  }),
  listOfKind(serviceKind, {
    typeName: "netbird_proxy_services",
    list: "services",
    description: "Services of the account.",
  }),
  listOfKind(proxyServiceTargetKind, {
    typeName: "netbird_proxy_service_targets",
    list: "targets",
    description: "Routes of one service, and who made them.",
  }),
  listOfKind(proxyTokenKind, {
    typeName: "netbird_proxy_tokens",
    list: "tokens",
    description: "Tokens with which proxies of your own join the account. Revoked ones are left out.",
  }),
  listOfKind(setupKeyKind, {
    typeName: "netbird_setup_keys",
    list: "setup_keys",
    description: "Setup keys of the account.",
  }),
  listOfKind(tokenKind, {
    typeName: "netbird_tokens",
    list: "tokens",
    description: "Personal access tokens of one user.",
  }),
  listOfKind(userKind, {
    typeName: "netbird_users",
    list: "users",
    description: "People and service users of the account.",
  }),
];
