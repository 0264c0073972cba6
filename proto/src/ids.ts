/** Ids of different things never stand in for each other. On the wire all are strings. */
type Id<Name extends string> = string & { readonly __id: Name };

export type AccountId = Id<"account">;
export type UserId = Id<"user">;
export type GroupId = Id<"group">;
export type SetupKeyId = Id<"setup-key">;
export type PeerId = Id<"peer">;
export type ServiceId = Id<"service">;
export type DomainId = Id<"domain">;
export type ProxyId = Id<"proxy">;
export type ProxyTokenId = Id<"proxy-token">;
export type ServiceTokenId = Id<"service-token">;
export type ShareLinkId = Id<"share-link">;
export type NetworkId = Id<"network">;
export type ResourceId = Id<"resource">;
export type RouterId = Id<"router">;
export type PolicyId = Id<"policy">;
export type DnsCredentialsId = Id<"dns-credentials">;
export type CertificateId = Id<"certificate">;
