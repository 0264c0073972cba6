import { TerraformOutput, TerraformStack } from "cdktn";
import type { Construct } from "constructs";
import { CustomDomain } from "./.gen/providers/netbird/custom-domain";
import { DataNetbirdPeer } from "./.gen/providers/netbird/data-netbird-peer";
import { Group } from "./.gen/providers/netbird/group";
import { Network } from "./.gen/providers/netbird/network";
import { NetworkResource } from "./.gen/providers/netbird/network-resource";
import { NetworkRouter } from "./.gen/providers/netbird/network-router";
import { NetbirdProvider } from "./.gen/providers/netbird/provider";
import {
  ProxyService,
  type ProxyServiceConfig,
  type ProxyServiceTargets,
} from "./.gen/providers/netbird/proxy-service";

/** Who may visit. `everyone` has to be said: nothing is open by accident. */
export type Visitors = "everyone" | { groups: string[] } | { networks: string[] };

export interface Published {
  /** First label of its domain. */
  name: string;
  /** Where `/` goes. */
  port: number;
  /** Further path prefixes, each with a port of its own. */
  paths?: Record<string, number>;
  /** An address in the network behind the peer; without it, the peer itself. */
  at?: string;
  visitors: Visitors;
  /** Under the custom domain instead of the cluster's. */
  customDomain?: boolean;
}

export interface PublishedServicesConfig {
  /** Address of the proxy cluster, such as `proxy.example.test`. */
  cluster: string;
  /** A domain of your own, served by the same cluster. */
  customDomain: string;
  /** Name of the peer that runs the services and is the way into the network behind it. */
  peer: string;
  services: Published[];
}

/** Services from a list, with the groups, the network and the custom domain that they need. */
export class PublishedServices extends TerraformStack {
  readonly #config: PublishedServicesConfig;
  readonly #peer: DataNetbirdPeer;
  readonly #groups = new Map<string, Group>();
  readonly #addresses = new Map<string, NetworkResource>();
  #network: Network | undefined;
  #router: NetworkRouter | undefined;
  #domain: CustomDomain | undefined;

  constructor(scope: Construct, id: string, config: PublishedServicesConfig) {
    super(scope, id);
    this.#config = config;
    // Address and token come from NB_MANAGEMENT_URL and NB_PAT: neither belongs into a file.
    new NetbirdProvider(this, "netbird");
    this.#peer = new DataNetbirdPeer(this, "peer", { name: config.peer });
    for (const published of config.services) this.#publish(published);
  }

  #publish(published: Published): void {
    const { name, customDomain = false } = published;
    const targets = this.#targets(published);
    const service = new ProxyService(this, `service-${name}`, {
      name,
      domain: `${name}.${customDomain ? this.#customDomain().domain : this.#config.cluster}`,
      targets,
      ...this.#access(published.visitors),
      // A name of your own gets its certificate when its DNS leads to the cluster, which may be after this deployment.
      waitForLive: !customDomain,
      // The service does not name the router, but is not live without it.
      dependsOn: published.at === undefined ? undefined : [this.#router!],
    });
    new TerraformOutput(this, `url-${name}`, { value: service.url });
  }

  #targets({ port, paths = {}, at }: Published): Record<string, ProxyServiceTargets> {
    const where =
      at === undefined
        ? { targetType: "peer", targetId: this.#peer.id }
        : { targetType: "host", targetId: this.#address(at).id };
    const ports = Object.entries({ "/": port, ...paths });
    return Object.fromEntries(ports.map(([path, ownPort]) => [path, { ...where, port: ownPort }]));
  }

  #access(visitors: Visitors): Pick<ProxyServiceConfig, "public" | "auth" | "accessRestrictions"> {
    if (visitors === "everyone") return { public: true };
    if ("networks" in visitors) return { accessRestrictions: { allowedCidrs: visitors.networks } };
    return { auth: { sso: { groups: visitors.groups.map((name) => this.#group(name).id) } } };
  }

  #group(name: string): Group {
    const existing = this.#groups.get(name);
    if (existing !== undefined) return existing;
    const group = new Group(this, `group-${name}`, { name });
    this.#groups.set(name, group);
    return group;
  }

  #address(address: string): NetworkResource {
    const existing = this.#addresses.get(address);
    if (existing !== undefined) return existing;
    const networkId = this.#behindPeer().id;
    const resource = new NetworkResource(this, `address-${address.replace(/\W/g, "-")}`, {
      networkId,
      name: address,
      address,
    });
    this.#addresses.set(address, resource);
    return resource;
  }

  #behindPeer(): Network {
    if (this.#network === undefined) {
      this.#network = new Network(this, "network", { name: `behind ${this.#config.peer}` });
      this.#router = new NetworkRouter(this, "router", { networkId: this.#network.id, peer: this.#peer.id });
    }
    return this.#network;
  }

  #customDomain(): CustomDomain {
    if (this.#domain === undefined) {
      const { customDomain: domain, cluster } = this.#config;
      this.#domain = new CustomDomain(this, "custom-domain", { domain, targetCluster: cluster });
      // What the DNS of the domain needs.
      new TerraformOutput(this, "dns-records", { value: this.#domain.validationRecords });
    }
    return this.#domain;
  }
}
