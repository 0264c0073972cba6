import type { BlockList, Socket } from "node:net";
import { peerOf, readPreamble } from "../listen/accept.ts";
import { peekClientHello } from "../listen/client-hello.ts";
import type { ProxiedAddresses } from "../listen/proxy-protocol.ts";
import { TcpListener } from "../listen/tcp-listener.ts";
import type { Rejection } from "../route/compile-service.ts";
import type { HostTable, TableHolder } from "../route/host-table.ts";
import type { PortKeeper } from "../route/registry.ts";
import type { Service } from "../route/service.ts";
import { relayTcp, type TcpRelayParts } from "./tcp-relay.ts";
import { UdpRelay } from "./udp-relay.ts";

export interface PortsParts extends TcpRelayParts {
  readonly table: TableHolder;
  /** Address of the main listener, on which the other ports are opened too; undefined: all. */
  readonly host: string | undefined;
  readonly mainPort: () => number;
  readonly proxyProtocol: boolean;
  readonly trustedProxies: BlockList | undefined;
}

/** Sends connections to services without HTTP: by port, and by server name where TLS is passed through. */
export class Ports implements PortKeeper {
  readonly #parts: PortsParts;
  readonly #tcp = new Map<number, TcpListener>();
  readonly #udp = new Map<number, UdpRelay>();

  constructor(parts: PortsParts) {
    this.#parts = parts;
  }

  async open(services: Iterable<Service>): Promise<Map<Service, Rejection>> {
    const refused = new Map<Service, Rejection>();
    for (const service of services) {
      if (service.mode === "http") continue;
      try {
        if (service.mode === "udp") await this.#openUdp(service.listenPort);
        else await this.#openTcp(service.listenPort);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        refused.set(service, {
          code: code === "EADDRINUSE" ? "proxy.port_in_use" : "proxy.rejected",
          message: `port ${service.listenPort}/${service.mode === "udp" ? "udp" : "tcp"}: ${message}`,
        });
      }
    }
    return refused;
  }

  closeUnused(table: HostTable): void {
    for (const [port, listener] of this.#tcp) {
      if (table.tcp.has(port) || table.tls.has(port)) continue;
      listener.close();
      this.#tcp.delete(port);
    }
    for (const [port, relay] of this.#udp) {
      if (table.udp.has(port)) continue;
      relay.close();
      this.#udp.delete(port);
    }
  }

  close(): void {
    for (const listener of this.#tcp.values()) listener.close();
    for (const relay of this.#udp.values()) relay.close();
    this.#tcp.clear();
    this.#udp.clear();
  }

  /**
   * A connection on the main listener.
   *
   * @param toHttp takes it when it is for an HTTP service, or for nobody
   */
  routeMain(
    socket: Socket,
    proxied: ProxiedAddresses | undefined,
    toHttp: (socket: Socket, proxied: ProxiedAddresses | undefined) => void,
  ): void {
    const table = this.#parts.table.current;
    const port = this.#parts.mainPort();
    // The usual case costs nothing: no other service lives on this port.
    if (!table.tls.has(port) && !table.tcp.has(port)) toHttp(socket, proxied);
    else void this.#route(socket, proxied, port, toHttp);
  }

  async #route(
    socket: Socket,
    proxied: ProxiedAddresses | undefined,
    port: number,
    toHttp: ((socket: Socket, proxied: ProxiedAddresses | undefined) => void) | undefined,
  ): Promise<void> {
    const before = this.#parts.table.current;
    const from = proxied ? { address: proxied.sourceAddress, port: proxied.sourcePort } : peerOf(socket);
    let serverName = "";
    if (before.tls.has(port) || toHttp !== undefined) {
      const ok = await readPreamble(
        socket,
        (data) => {
          const peeked = peekClientHello(data);
          if (peeked.kind === "incomplete") return "more";
          if (peeked.kind === "hello") serverName = peeked.serverName;
          return 0;
        },
        // With some protocols the server speaks first, and the client waits for it.
        { silence: before.tcp.has(port) ? "enough" : "bad" },
      );
      if (!ok) return;
    }
    // Looked up now: the service may have changed while the client was making up its mind.
    const table = this.#parts.table.current;
    if (toHttp !== undefined && table.http.has(serverName)) {
      toHttp(socket, proxied);
      return;
    }
    const service = table.tls.get(port)?.get(serverName) ?? table.tcp.get(port);
    if (service !== undefined) await relayTcp(socket, from, service, this.#parts);
    else if (toHttp !== undefined) toHttp(socket, proxied);
    else socket.destroy();
  }

  async #openTcp(port: number): Promise<void> {
    if (port === this.#parts.mainPort() || this.#tcp.has(port)) return;
    const listener = new TcpListener({
      proxyProtocol: this.#parts.proxyProtocol,
      trustedProxies: this.#parts.trustedProxies,
      onConnection: (socket, proxied) => void this.#route(socket, proxied, port, undefined),
    });
    await listener.listen({ host: this.#parts.host, port });
    this.#tcp.set(port, listener);
  }

  async #openUdp(port: number): Promise<void> {
    if (this.#udp.has(port)) return;
    const relay = new UdpRelay({
      metrics: this.#parts.metrics,
      addressChecks: this.#parts.addressChecks,
      onEnd: this.#parts.onEnd,
      service: () => this.#parts.table.current.udp.get(port),
    });
    await relay.bind(port, this.#parts.host);
    this.#udp.set(port, relay);
  }
}
