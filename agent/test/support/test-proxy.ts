import type { agent } from "@netbird-proxy/proto/grpc";
import {
  createTunnel,
  type Device,
  generatePrivateKey,
  keyFromBase64,
  keyToBase64,
  publicKeyOf,
  type Tunnel,
} from "@netbird-proxy/tunnel";

/** The proxy's side of the tunnel: a real device that waits for the agent to dial it. */
export class TestProxy {
  readonly address = "100.64.0.9";
  readonly #privateKey = generatePrivateKey();
  #tunnel: Tunnel | undefined;
  #port = 0;
  device!: Device;

  /** Listens; after {@link stop} on the same port and with the same key, knowing no session, as after a crash. */
  async start(agentPublicKey?: string): Promise<void> {
    this.#tunnel = await createTunnel({ port: this.#port, bindAddresses: ["127.0.0.1"] });
    this.#port = this.#tunnel.port;
    this.device = this.#tunnel.addDevice({ privateKey: this.#privateKey, addresses: [this.address] });
    if (agentPublicKey) this.admit(agentPublicKey);
  }

  admit(agentPublicKey: string, allowedIps = ["100.64.0.5/32", "100.64.200.0/24"]): void {
    this.device.setPeer({ publicKey: keyFromBase64(agentPublicKey)!, allowedIps });
  }

  async stop(): Promise<void> {
    await this.#tunnel?.close();
    this.#tunnel = undefined;
  }

  get endpoint(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** As the server describes this proxy to the agent. */
  describe(changes: Partial<agent.ProxyPeer> = {}): agent.ProxyPeer {
    return {
      peerId: "proxy-peer-1",
      proxyId: "proxy-1",
      publicKey: keyToBase64(publicKeyOf(this.#privateKey)),
      presharedKey: "",
      endpoint: this.endpoint,
      websocketEndpoint: "",
      allowedIps: [`${this.address}/32`],
      ...changes,
    };
  }
}
