import { createHash } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Ask } from "./client.ts";

/** Of RFC 6455 §1.3. */
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** Answers requests with "inside" and handshakes with an open connection; remembers what came in. */
export interface SocketBackend {
  readonly url: string;
  readonly requests: IncomingMessage[];
  close(): void;
}

export async function startSocketBackend(): Promise<SocketBackend> {
  const requests: IncomingMessage[] = [];
  const open = new Set<Duplex>();
  const server = createServer((incoming, response) => {
    requests.push(incoming);
    incoming.resume();
    response.end("inside");
  });
  server.on("upgrade", (incoming: IncomingMessage, socket: Duplex) => {
    requests.push(incoming);
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    const key = incoming.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    socket.on("data", (chunk: Buffer) => socket.write(chunk));
    socket.on("end", () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close() {
      for (const socket of open) socket.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

export interface SocketReply {
  status: number;
  headers: IncomingHttpHeaders;
  /** Of a refusal; empty otherwise. */
  body: string;
  /** Open, when the handshake went through. */
  socket: Duplex | undefined;
}

/** One WebSocket handshake over HTTP/1.1. */
export function openWebSocket(ask: Ask): Promise<SocketReply> {
  const { port, ca, host = "app.example.test", path = "/", headers = {} } = ask;
  return new Promise((resolve, reject) => {
    const call = request({
      host: "127.0.0.1",
      port,
      ca,
      servername: host,
      path,
      agent: ask.agent ?? false,
      headers: {
        host,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": KEY,
        ...headers,
      },
    });
    call.on("upgrade", (response, socket) => {
      socket.on("error", () => {});
      resolve({ status: response.statusCode!, headers: response.headers, body: "", socket });
    });
    call.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body, socket: undefined }),
      );
    });
    call.on("error", reject);
    call.end();
  });
}
