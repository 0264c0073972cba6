import type { agent } from "@netbird-proxy/proto/grpc";
import { createTunnel, type Device, type Tunnel } from "@netbird-proxy/tunnel";
import { Forwarder, type ForwarderOptions } from "./forward/forwarder.ts";
import { type LinkStatus, ProxyLinks } from "./links/proxy-links.ts";

export interface DataPathOptions extends ForwarderOptions {
  privateKey: Uint8Array;
  random: () => number;
  /** A handshake completed, or a link went up or down. */
  onChange: () => void;
  /** Default: any port on all addresses of this host. */
  openTunnel?: () => Promise<Tunnel>;
}

/** Everything between the proxies and the targets: one tunnel device, a link per proxy, and forwarding. */
export class DataPath {
  readonly #options: DataPathOptions;
  readonly #tunnel: Tunnel;
  readonly #forwarder: Forwarder;
  #device: Device | undefined;
  #links: ProxyLinks | undefined;

  private constructor(options: DataPathOptions, tunnel: Tunnel) {
    this.#options = options;
    this.#tunnel = tunnel;
    this.#forwarder = new Forwarder(options);
  }

  static async open(options: DataPathOptions): Promise<DataPath> {
    return new DataPath(options, await (options.openTunnel ?? (() => createTunnel({})))());
  }

  get counts() {
    return this.#forwarder.counts;
  }

  links(): LinkStatus[] {
    return this.#links?.status() ?? [];
  }

  /** Takes over a state as a whole. Sessions with proxies that stay, and connections that stay allowed, go on. */
  apply(state: agent.AgentState): void {
    const addresses = [state.address, state.addressV6].filter((address) => address !== "");
    // Rules before links: nobody gets in on an old rule through a new link.
    this.#forwarder.setState(state);
    if (this.#device === undefined || this.#links === undefined) {
      const { log, lookup, nowMs, random, onChange, privateKey } = this.#options;
      const { onConnection, onFlow } = this.#forwarder;
      this.#device = this.#tunnel.addDevice({ privateKey, addresses, onConnection, onFlow });
      this.#links = new ProxyLinks({ device: this.#device, lookup, log, nowMs, random, onChange });
    } else {
      this.#device.setAddresses(addresses);
    }
    this.#links.setProxies(state.proxies);
  }

  /** @param graceMs how long connections that move bytes may go on */
  async close(graceMs: number): Promise<void> {
    await this.#forwarder.close(graceMs);
    this.#links?.close();
    await this.#device?.close();
    await this.#tunnel.close();
  }
}
