import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { Endpoint } from "../engine.ts";

/**
 * The kernel's default of 208 KiB holds about 90 full datagrams, less than one turn of a busy event loop. Linux caps the
 * request at net.core.rmem_max.
 */
const BUFFER_BYTES = 4 * 1024 * 1024;
/** Datagrams that the kernel did not take at once and Node keeps for us; beyond that they are lost, as on any full link. */
const MAX_QUEUED_DATAGRAMS = 1024;
const PORT_ATTEMPTS = 16;

export type DatagramListener = (datagram: Uint8Array, from: RemoteInfo) => void;

/** One UDP port on one or more local addresses. */
export class UdpSocket {
  readonly port: number;
  readonly #v4: Socket | undefined;
  readonly #v6: Socket | undefined;
  readonly #sockets: readonly Socket[];
  #closed = false;

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    this.#v4 = sockets.find((socket) => socket.address().family === "IPv4");
    this.#v6 = sockets.find((socket) => socket.address().family === "IPv6");
    this.port = sockets[0]!.address().port;
  }

  /**
   * Binds the same port on every address.
   * @param addresses undefined for all addresses of both families, as far as the host has them
   * @throws {Error} with the code of the failed bind
   */
  static async bind(port: number, addresses: readonly string[] | undefined): Promise<UdpSocket> {
    for (let attempt = 1; ; attempt += 1) {
      const bound: Socket[] = [];
      try {
        for (const address of addresses ?? ["0.0.0.0", "::"]) {
          try {
            bound.push(await bindOne(bound[0]?.address().port ?? port, address));
          } catch (error) {
            const code = (error as NodeJS.ErrnoException).code;
            // A host without IPv6 is fine unless the address was asked for.
            const optional = addresses === undefined && address === "::" && code !== "EADDRINUSE";
            if (!optional) throw error;
          }
        }
        return new UdpSocket(bound);
      } catch (error) {
        for (const socket of bound) socket.close();
        // A port that is free for one family can be taken for the other; with "any port" another will do.
        const taken = (error as NodeJS.ErrnoException).code === "EADDRINUSE";
        if (!taken || port !== 0 || attempt >= PORT_ATTEMPTS) throw error;
      }
    }
  }

  onDatagram(listener: DatagramListener): void {
    for (const socket of this.#sockets) {
      socket.on("message", listener);
      // ICMP errors of the outside and the like: a peer may be away for a while, its timers deal with that.
      socket.on("error", () => {});
    }
  }

  /** @returns true when Node kept the memory because the kernel was busy */
  send(to: Endpoint, datagram: Uint8Array): boolean {
    if (this.#closed) return false;
    const socket = to.address.includes(":") ? this.#v6 : this.#v4;
    if (socket === undefined) return false;
    const queuedBefore = socket.getSendQueueCount();
    if (queuedBefore >= MAX_QUEUED_DATAGRAMS) return false;
    try {
      socket.send(datagram, to.port, to.address);
    } catch {
      // An endpoint that cannot be sent to is the same as one that does not answer.
      return false;
    }
    return socket.getSendQueueCount() > queuedBefore;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all(this.#sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));
  }
}

function bindOne(port: number, address: string): Promise<Socket> {
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    ipv6Only: family === 6,
    recvBufferSize: BUFFER_BYTES,
    sendBufferSize: BUFFER_BYTES,
    // Every address is a literal. Answering at once instead of through DNS keeps sending synchronous: the datagram's
    // memory is free again when `send` returns.
    lookup: (host, _options, callback) => callback(null, host, family),
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ port, address, exclusive: true }, () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
