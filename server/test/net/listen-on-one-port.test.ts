import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server as HttpServer, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { promisify } from "node:util";
import { credentials, Server } from "@grpc/grpc-js";
import { agent } from "@netbird-proxy/proto/grpc";
import { listenOnOnePort, type OnePort, type OnePortOptions } from "../../src/net/listen-on-one-port.ts";
import { serverPair } from "../support/server-pair.ts";

function echoGrpcServer(): Server {
  const server = new Server();
  const handlers: agent.AgentServiceServer = {
    enroll: (call, answer) =>
      answer(null, { peerId: call.request.name, token: call.getPeer(), address: "", addressV6: "" }),
    sync: (call) => call.end(),
  };
  server.addService(agent.AgentServiceService, handlers);
  return server;
}

async function enrollOver(client: agent.AgentServiceClient, name: string): Promise<string> {
  const call = promisify(
    (request: agent.EnrollRequest, done: (error: Error | null, response: agent.EnrollResponse) => void) =>
      client.enroll(request, done),
  );
  try {
    return (await call({ setupKey: "", publicKey: "", meta: undefined, name })).peerId;
  } finally {
    client.close();
  }
}

async function bodyOf(request: ReturnType<typeof httpRequest>): Promise<string> {
  request.end();
  const [response] = await once(request, "response");
  let body = "";
  for await (const chunk of response) body += chunk;
  return body;
}

suite("one port for REST and gRPC", () => {
  let port: OnePort;
  let http: HttpServer;

  async function open(options: Partial<OnePortOptions> = {}): Promise<void> {
    http = createServer({ headersTimeout: 200, connectionsCheckingInterval: 50 }, (request, response) => {
      response.end(`${request.method} ${request.url} ${request.socket.remoteAddress}`);
    });
    port = await listenOnOnePort({
      host: "127.0.0.1",
      port: 0,
      grpcServer: echoGrpcServer(),
      httpServer: http,
      closeGraceMs: 50,
      ...options,
    });
  }
  teardown(() => port.close());

  const target = () => `127.0.0.1:${port.address.port}`;
  /** Resolves with how the connection ended. */
  async function ending(socket: ReturnType<typeof connect>): Promise<string> {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {});
    await once(socket, "close");
    return text;
  }

  test("cleartext: HTTP/1.1 and gRPC with prior knowledge side by side", async () => {
    await open();
    const url = `http://${target()}/api`;
    assert.equal(await bodyOf(httpRequest(url, { method: "PUT" })), "PUT /api 127.0.0.1");
    const client = new agent.AgentServiceClient(target(), credentials.createInsecure());
    assert.equal(await enrollOver(client, "web"), "web");
    assert.equal(await bodyOf(httpRequest(url, { method: "POST" })), "POST /api 127.0.0.1");
  });

  test("cleartext: a method that starts like the HTTP/2 preface, byte by byte, is still HTTP/1.1", async () => {
    await open();
    const socket = connect(port.address.port, "127.0.0.1");
    const ended = ending(socket);
    for (const byte of "PROPFIND / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.match(await ended, /PROPFIND \/ /);
  });

  test("TLS: a client that offers both protocols gets HTTP/1.1, one that offers only h2 gets gRPC", async () => {
    const pair = serverPair("localhost");
    await open({ tls: pair });
    const both = tlsConnect({
      port: port.address.port,
      host: "127.0.0.1",
      ca: pair.cert,
      servername: "localhost",
      ALPNProtocols: ["h2", "http/1.1"],
    });
    await once(both, "secureConnect");
    assert.equal(both.alpnProtocol, "http/1.1");
    both.destroy();
    const body = await bodyOf(
      httpsRequest({ port: port.address.port, host: "127.0.0.1", ca: pair.cert, servername: "localhost" }),
    );
    assert.equal(body, "GET / 127.0.0.1");
    const client = new agent.AgentServiceClient(
      `localhost:${port.address.port}`,
      credentials.createSsl(Buffer.from(pair.cert)),
    );
    assert.equal(await enrollOver(client, "web"), "web");
  });

  test("TLS: a replaced certificate is used for the next connection", async () => {
    const [first, second] = [serverPair("localhost"), serverPair("localhost")];
    await open({ tls: first });
    port.replaceTls(second);
    const socket = tlsConnect({
      port: port.address.port,
      host: "127.0.0.1",
      ca: second.cert,
      servername: "localhost",
    });
    await once(socket, "secureConnect");
    assert.equal(socket.authorized, true);
    socket.destroy();
  });

  test("a client that sends nothing is dropped, cleartext or TLS", async () => {
    await open({ firstBytesTimeoutMs: 50 });
    await ending(connect(port.address.port, "127.0.0.1"));
    await port.close();
    await open({ firstBytesTimeoutMs: 50, tls: serverPair("localhost") });
    await ending(connect(port.address.port, "127.0.0.1"));
  });

  test("a client that never finishes its first bytes is dropped", async () => {
    await open({ firstBytesTimeoutMs: 50 });
    const socket = connect(port.address.port, "127.0.0.1");
    socket.write("PR");
    await ending(socket);
  });

  test("a client that never finishes its headers is answered 408 and dropped", async () => {
    await open();
    const socket = connect(port.address.port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost:");
    assert.match(await ending(socket), /408/);
  });

  test("a client that says nothing after its TLS handshake is dropped", async () => {
    const pair = serverPair("localhost");
    await open({ tls: pair });
    const socket = tlsConnect({
      port: port.address.port,
      host: "127.0.0.1",
      ca: pair.cert,
      servername: "localhost",
    });
    await once(socket, "secureConnect");
    await ending(socket);
  });

  test("a request that is under way when the port closes is answered", async () => {
    await open({ closeGraceMs: 2_000 });
    http.removeAllListeners("request");
    http.on("request", (_request, response) => {
      setTimeout(() => response.end("done"), 100);
      void port.close();
    });
    assert.equal(await bodyOf(httpRequest(`http://${target()}/`)), "done");
  });

  test("closing ends idle connections and lets the port be taken again", async () => {
    await open();
    const keepAlive = connect(port.address.port, "127.0.0.1");
    keepAlive.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(keepAlive, "data");
    const client = new agent.AgentServiceClient(target(), credentials.createInsecure());
    await new Promise<void>((resolve, reject) =>
      client.waitForReady(Date.now() + 5_000, (error) => (error ? reject(error) : resolve())),
    );
    const taken = port.address.port;
    await port.close();
    client.close();
    await open({ port: taken });
  });
});
