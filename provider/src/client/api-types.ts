import type * as rest from "@netbird-proxy/proto/rest";

// NetBird's own server answers without what ours adds, so those fields may be missing here.

type Additive<T, K extends keyof T> = Omit<T, K> & { [P in K]?: T[P] };

export type ServiceMeta = Additive<rest.ServiceMeta, "revision" | "live_revision" | "live_on">;
export type Service = Additive<Omit<rest.Service, "meta">, "public" | "url" | "warnings"> & {
  meta: ServiceMeta;
};
export type ServiceRequest = rest.ServiceRequest;
export type AccessRule = rest.AccessRule;
export type ServiceTarget = rest.ServiceTarget;
export type ServiceTargetRequest = rest.ServiceTargetRequest;
export type ServiceTargetOptions = rest.ServiceTargetOptions;
export type Warning = rest.Warning;

export type Domain = rest.Domain;
export type ProxyCluster = rest.ProxyCluster;
export type Group = rest.Group;
export type GroupRequest = rest.GroupRequest;
export type SetupKey = rest.SetupKey;
export type Peer = Additive<rest.Peer, "kind" | "public_key">;
export type Instance = Additive<rest.Instance, "version" | "features">;

/** An error body; `error` only comes from our server. */
export interface ErrorBody {
  message?: unknown;
  code?: unknown;
  error?: { code?: unknown; path?: unknown; hint?: unknown };
}

export type Network = rest.Network;
export type NetworkResource = rest.NetworkResource;
export type NetworkRouter = rest.NetworkRouter;
export type Policy = rest.Policy;
export type PolicyRule = rest.PolicyRule;
/** NetBird's embedded identity provider makes a password, and tells it once. */
export type User = rest.User & { readonly password?: string };
export type PersonalAccessToken = rest.PersonalAccessToken;
export type PersonalAccessTokenCreated = rest.PersonalAccessTokenCreated;
export type ProxyToken = rest.ProxyToken;
export type ProxyTokenCreated = rest.ProxyTokenCreated;
export type PeerCreated = rest.PeerCreated;
export type Account = rest.Account;
export type AccountSettings = rest.AccountSettings;
export type Certificate = rest.Certificate;
export type DnsCredentials = rest.DnsCredentials;
export type OwnedServiceTarget = rest.OwnedServiceTarget;
export type ServiceToken = rest.ServiceToken;
export type ServiceTokenCreated = rest.ServiceTokenCreated;
export type ShareLink = rest.ShareLink;
export type ShareLinkCreated = rest.ShareLinkCreated;
