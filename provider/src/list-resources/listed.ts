import type { Account } from "../client/api-types.ts";
import type { ListedKind } from "../data-sources/from-kind.ts";
import { customDomainKind, groupKind, serviceKind, setupKeyKind } from "../data-sources/listed-kinds.ts";
import { accountSettingsAttributes, toldSettings } from "../resources/account-settings.ts";
import { certificateKind } from "../resources/certificate.ts";
import { dnsCredentialsKind } from "../resources/dns-credentials.ts";
import { networkKind } from "../resources/network.ts";
import { networkResourceKind } from "../resources/network-resource.ts";
import { networkRouterKind } from "../resources/network-router.ts";
import { peerKind } from "../resources/peer.ts";
import { policyKind } from "../resources/policy.ts";
import { proxyServiceTargetKind } from "../resources/proxy-service-target.ts";
import { proxyServiceTokenKind } from "../resources/proxy-service-token.ts";
import { proxyShareLinkKind } from "../resources/proxy-share-link.ts";
import { proxyTokenKind } from "../resources/proxy-token.ts";
import { reverseProxyDomainKind } from "../resources/reverse-proxy-domain.ts";
import { reverseProxyServiceKind } from "../resources/reverse-proxy-service.ts";
import { tokenKind } from "../resources/token.ts";
import { userKind } from "../resources/user.ts";
import { wireguardPeerKind } from "../resources/wireguard-peer.ts";
import { listResourceOf } from "./of-kind.ts";

const accountSettingsKind: ListedKind<typeof accountSettingsAttributes, Account> = {
  typeName: "netbird_account_settings",
  what: "account that the token can see",
  attributes: accountSettingsAttributes,
  collection: () => "/accounts",
  told: toldSettings,
};

/** Every resource has a list: all of them live in collections. */
export const listResources = [
  listResourceOf(accountSettingsKind),
  listResourceOf(certificateKind),
  listResourceOf(customDomainKind),
  listResourceOf(dnsCredentialsKind),
  listResourceOf(groupKind),
  listResourceOf(networkKind),
  listResourceOf(networkResourceKind),
  listResourceOf(networkRouterKind),
  listResourceOf(peerKind),
  listResourceOf(policyKind),
  listResourceOf(proxyServiceTargetKind),
  listResourceOf(proxyServiceTokenKind),
  listResourceOf(proxyShareLinkKind),
  listResourceOf(proxyTokenKind),
  listResourceOf(reverseProxyDomainKind),
  listResourceOf(reverseProxyServiceKind),
  listResourceOf(serviceKind),
  listResourceOf(setupKeyKind),
  listResourceOf(tokenKind),
  listResourceOf(userKind),
  // The same collection has the peers that run an agent; those cannot be written as devices.
  listResourceOf({ ...wireguardPeerKind, isGone: ({ kind }) => kind !== "wireguard" }),
];
