import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { agent } from "@netbird-proxy/proto/grpc";
import { keyToBase64, publicKeyOf } from "@netbird-proxy/tunnel";
import { loadIdentity } from "../../src/state/identity.ts";
import { ManagementServer, stateWith } from "./management-server.ts";
import { TemporaryFolders } from "./temporary-folder.ts";
import { TestProxy } from "./test-proxy.ts";

/** A management server, a proxy and an HTTP service on loopback. */
export class World {
  readonly management = new ManagementServer();
  readonly proxy = new TestProxy();
  readonly #folders = new TemporaryFolders();
  readonly stateDir = this.#folders.make();
  #service: Server | undefined;
  servicePort = 0;

  async open(): Promise<void> {
    await this.management.start();
    await this.proxy.start();
    this.#service = createServer((incoming, response) => response.end(`hello from ${incoming.url}`));
    await new Promise<void>((resolve) => this.#service?.listen(0, "127.0.0.1", resolve));
    this.servicePort = (this.#service.address() as AddressInfo).port;
    this.management.state = this.state();
  }

  state(changes: Partial<agent.AgentState> = {}): agent.AgentState {
    return stateWith({
      proxies: [this.proxy.describe()],
      rules: [
        {
          destination: "100.64.0.5/32",
          protocol: "tcp",
          portFirst: this.servicePort,
          portLast: this.servicePort,
          sources: ["100.64.0.9/32"],
        },
      ],
      ...changes,
    });
  }

  /** Lets the agent of the state folder connect, as the real proxy does when the server tells it about the peer. */
  admitAgent(): void {
    const identity = loadIdentity(this.stateDir);
    if (identity === undefined) throw new Error("the agent has no identity yet");
    this.proxy.admit(keyToBase64(publicKeyOf(identity.privateKey)));
  }

  /** Asks the service through the tunnel, as the proxy does. */
  async get(path: string, host = "100.64.0.5"): Promise<string> {
    const socket = await this.proxy.device.dialTcp({ host, port: this.servicePort }, { timeoutMs: 5_000 });
    return await new Promise((resolve, reject) => {
      const asking = request(
        { createConnection: () => socket as never, path, headers: { connection: "close" } },
        (response: IncomingMessage) => text(response).then(resolve, reject),
      );
      asking.on("error", reject);
      asking.end();
    });
  }

  async close(): Promise<void> {
    await this.proxy.stop();
    this.management.stop();
    this.#service?.closeAllConnections();
    this.#service?.close();
    this.#folders.remove();
  }
}
