import { type ClientRequest, type IncomingMessage, request } from "node:http";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { control } from "@netbird-proxy/proto/grpc";
import {
  createTunnel,
  type Device,
  generatePrivateKey,
  keyFromBase64,
  keyToBase64,
  type Tunnel,
} from "@netbird-proxy/tunnel";
import { until } from "./management-server.ts";
import type { TestProxy } from "./proxy.ts";

/** The proxy's own address in every account. */
export const PROXY_ADDRESS = "100.64.0.1";

export interface Visit {
  host?: string;
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  /** Plain HTTP, on port 80. */
  plain?: boolean;
  port?: number;
  /** Offers a certificate of its own. */
  client?: { cert: string; key: string };
}

export interface OverlayReply {
  status: number;
  headers: IncomingMessage["headers"];
  body: string;
  /** Open, when an upgrade went through. */
  socket: Duplex | undefined;
}

/** A device in an account's overlay that opens connections to the proxy. */
export class OverlayVisitor {
  readonly address: string;
  readonly publicKey: string;
  readonly #tunnel: Tunnel;
  readonly device: Device;
  readonly #proxy: TestProxy;

  private constructor(proxy: TestProxy, tunnel: Tunnel, device: Device, address: string) {
    this.#proxy = proxy;
    this.#tunnel = tunnel;
    this.device = device;
    this.address = address;
    this.publicKey = keyToBase64(device.publicKey);
  }

  static async create(proxy: TestProxy, address: string): Promise<OverlayVisitor> {
    const tunnel = await createTunnel({ port: 0, bindAddresses: ["127.0.0.1"] });
    const device = tunnel.addDevice({ privateKey: generatePrivateKey(), addresses: [address] });
    return new OverlayVisitor(proxy, tunnel, device, address);
  }

  /** Makes the proxy's device in an account known to this one. */
  knows(proxyKey: string): void {
    this.device.setPeer({
      publicKey: keyFromBase64(proxyKey)!,
      allowedIps: [`${PROXY_ADDRESS}/32`],
      endpoint: `127.0.0.1:${this.#proxy.app.listening.wireguardPort}`,
    });
  }

  /** One request over the overlay. @throws the error of the connection, such as ECONNREFUSED */
  async visit(visit: Visit = {}): Promise<OverlayReply> {
    const { host = "app.example.test", path = "/", method = "GET", headers = {}, plain = false } = visit;
    const port = visit.port ?? (plain ? 80 : 443);
    await until(() => this.device.peers().length > 0, "the proxy to be known");
    const raw = await this.device.dialTcp({ host: PROXY_ADDRESS, port }, { timeoutMs: 5000 });
    raw.on("error", () => {});
    const stream = plain
      ? raw
      : connectTls({ socket: raw, servername: host, ca: this.#proxy.ca, ...visit.client });
    return new Promise((resolve, reject) => {
      stream.once("error", reject);
      const call: ClientRequest = request({
        createConnection: () => stream as never,
        method,
        path,
        headers: { host, ...headers },
      });
      call.on("error", reject);
      call.on("upgrade", ({ statusCode, headers: answer }, socket) =>
        resolve({ status: statusCode!, headers: answer, body: "", socket }),
      );
      call.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(chunks).toString(),
            socket: undefined,
          });
          stream.destroy();
        });
      });
      call.end();
    });
  }

  close(): Promise<void> {
    return this.#tunnel.close();
  }
}

export interface PeerSketch {
  visitor: OverlayVisitor;
  /** Its own, where it comes from another one. */
  address?: string;
  /** Ids of groups; undefined: the peer stands for nobody. */
  groups: string[] | undefined;
  user?: string;
  /** Besides its own address, as for a routing peer. */
  routes?: string[];
}

/** What the server tells about one account; kept for whoever asks later. */
export function tellOverlay(
  proxy: TestProxy,
  accountId: string,
  revision: bigint,
  peers: readonly PeerSketch[],
): void {
  const groupIds = [...new Set(peers.flatMap(({ groups }) => groups ?? []))];
  const state = control.TunnelState.fromPartial({
    accountId,
    revision,
    address: PROXY_ADDRESS,
    groups: groupIds.map((id) => ({ id, name: `name of ${id}` })),
    peers: peers.map(({ visitor, address, groups, user }, index) => ({
      peerId: `peer-${index + 1}`,
      name: `peer-${index + 1}`,
      publicKey: visitor.publicKey,
      allowedIps: [`${address ?? visitor.address}/32`],
      identity: groups && {
        userId: `user-${index + 1}`,
        user: user ?? `user-${index + 1}@example.test`,
        groups: groups.map((id) => groupIds.indexOf(id)),
      },
    })),
    routes: peers.flatMap(({ routes = [] }, index) =>
      routes.map((prefix) => ({
        resourceId: prefix,
        prefix,
        domain: "",
        routers: [{ peerId: `peer-${index + 1}`, metric: 1 }],
      })),
    ),
  } as never);
  const earlier = proxy.management.tunnelState;
  proxy.management.tunnelState = (account) => {
    if (account.accountId !== accountId) return earlier?.(account);
    for (const { visitor } of peers) visitor.knows(account.publicKey);
    return state;
  };
  proxy.management.pushTunnel(state);
}
