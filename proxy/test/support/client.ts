import type { IncomingHttpHeaders } from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { type Agent, request } from "node:https";
import { connect as connectTls, type TLSSocket } from "node:tls";

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  trailers: NodeJS.Dict<string>;
  body: string;
  httpVersion: string;
}

export interface Ask {
  port: number;
  ca: string;
  host?: string;
  path?: string;
  method?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
  agent?: Agent;
  serverName?: string;
}

/** One HTTP/1.1 request over TLS. */
export function get(ask: Ask): Promise<Reply> {
  const {
    port,
    ca,
    host = "app.example.test",
    path = "/",
    method = "GET",
    headers = {},
    body,
    agent,
    serverName,
  } = ask;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: "127.0.0.1",
        port,
        ca,
        servername: serverName ?? host,
        method,
        path,
        headers: { host, ...headers },
        agent: agent ?? false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            trailers: response.trailers,
            body: Buffer.concat(chunks).toString(),
            httpVersion: response.httpVersion,
          }),
        );
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

/** An HTTP/2 session with the proxy. */
export function http2Session(
  port: number,
  ca: string,
  host = "app.example.test",
): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`https://${host}`, {
      createConnection: () =>
        connectTls({ host: "127.0.0.1", port, ca, servername: host, ALPNProtocols: ["h2"] }),
    });
    session.once("connect", () => resolve(session));
    session.once("error", reject);
  });
}

/** One request on an HTTP/2 session. */
export function http2Get(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": "/", ...headers }, { endStream: body === undefined });
    let status = 0;
    let answer: IncomingHttpHeaders = {};
    let trailers: NodeJS.Dict<string> = {};
    const chunks: Buffer[] = [];
    stream.on("response", (received) => {
      status = Number(received[":status"]);
      answer = received;
    });
    stream.on("trailers", (received) => {
      trailers = received as NodeJS.Dict<string>;
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("end", () =>
      resolve({
        status,
        headers: answer,
        rawHeaders: [],
        trailers,
        body: Buffer.concat(chunks).toString(),
        httpVersion: "2.0",
      }),
    );
    if (body !== undefined) stream.end(body);
  });
}

/** A TLS connection for bytes that no client library would send. */
export function rawTls(port: number, ca: string, host = "app.example.test"): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { host: "127.0.0.1", port, ca, servername: host, ALPNProtocols: ["http/1.1"] },
      () => resolve(socket),
    );
    socket.once("error", reject);
  });
}

/** Sends bytes and reads until the proxy closes or nothing comes for a while. */
export async function exchangeRaw(socket: TLSSocket, bytes: string, quietMs = 300): Promise<string> {
  socket.write(bytes, "latin1");
  return readQuiet(socket, quietMs);
}

export function readQuiet(socket: TLSSocket, quietMs = 300): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    let timer: NodeJS.Timeout;
    const done = () => {
      clearTimeout(timer);
      socket.off("data", onData);
      resolve(text);
    };
    const onData = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(done, quietMs);
    };
    timer = setTimeout(done, quietMs * 5);
    socket.on("data", onData);
    socket.once("close", done);
    socket.on("error", done);
  });
}
