import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createTcpServer } from "node:net";

/** Something a service points at. */
export interface Backend {
  readonly url: string;
  readonly port: number;
  readonly requests: { method: string; url: string; rawHeaders: string[]; body: string }[];
  readonly server: Server;
  close(): void;
}

/** Answers with `handler`, or echoes the request as JSON; remembers everything that came in. */
export async function startBackend(handler?: RequestListener): Promise<Backend> {
  const requests: Backend["requests"] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const seen = { method: request.method!, url: request.url!, rawHeaders: request.rawHeaders, body: "" };
    requests.push(seen);
    if (handler !== undefined) {
      handler(request, response);
      return;
    }
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      seen.body += chunk;
    });
    request.on("end", () => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ ...seen, headers: request.headers }));
    });
  });
  server.maxHeadersCount = 0;
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    requests,
    server,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A backend that speaks bytes, for what no HTTP library would send. */
export async function startRawBackend(
  onConnection: (socket: Socket) => void,
): Promise<{ url: string; port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}
