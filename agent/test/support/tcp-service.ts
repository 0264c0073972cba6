import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** A TCP service of this host for the time of one test. */
export interface TcpService {
  port: number;
  /** Connections that were made, oldest first. */
  sockets: Socket[];
  close(): Promise<void>;
}

export async function tcpService(
  onSocket: (socket: Socket) => void,
  host = "127.0.0.1",
  port = 0,
): Promise<TcpService> {
  const sockets: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(port, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const service = await tcpService(() => {});
  await service.close();
  return service.port;
}
