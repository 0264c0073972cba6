import { type BlockList, createServer, type Server, type Socket } from "node:net";
import type { ListenAddress } from "../config.ts";
import { takeProxyHeader } from "./accept.ts";
import type { ProxiedAddresses } from "./proxy-protocol.ts";

/** Dead visitors are noticed by the kernel. */
const KEEP_ALIVE_MS = 30_000;

export interface TcpListenerParts {
  readonly proxyProtocol: boolean;
  readonly trustedProxies: BlockList | undefined;
  /** The connection, with its PROXY header taken off. */
  readonly onConnection: (socket: Socket, proxied: ProxiedAddresses | undefined) => void;
}

/** A TCP port: accepts, takes PROXY headers off where they are expected, and passes connections on. */
export class TcpListener {
  readonly #server: Server;
  readonly #waiting = new Set<Socket>();

  constructor(parts: TcpListenerParts) {
    this.#server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, allowHalfOpen: true },
      (socket) => {
        if (!parts.proxyProtocol) {
          parts.onConnection(socket, undefined);
          return;
        }
        // Never waited for here: one silent client must not hold up everybody else.
        this.#waiting.add(socket);
        void takeProxyHeader(socket, parts.trustedProxies).then((proxied) => {
          this.#waiting.delete(socket);
          if (proxied !== null) parts.onConnection(socket, proxied);
        });
      },
    );
  }

  /** @throws the error of bind, such as EADDRINUSE @returns the port really bound */
  listen({ host, port }: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host, port, backlog: 4096 }, () => {
        this.#server.off("error", reject);
        // EMFILE and the like: accepting goes on when it can.
        this.#server.on("error", () => {});
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : port);
      });
    });
  }

  /** Accepts no more; what is accepted goes on. */
  close(): void {
    this.#server.close();
    for (const socket of this.#waiting) socket.destroy();
  }
}
