import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { exchangeRaw, http2Session, rawTls, readQuiet } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

suite("WebSockets", () => {
  let proxy: TestProxy;
  let url: string;
  const handshakes: IncomingMessage[] = [];
  const open = new Set<Duplex>();
  const server = createServer((_request, response) => {
    response.writeHead(426, { "content-length": 3 }).end("no\n");
  });

  suiteSetup(async () => {
    // Echoes whatever comes after the handshake; frames are bytes to a proxy.
    server.on("upgrade", (request: IncomingMessage, socket: Duplex) => {
      handshakes.push(request);
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => open.delete(socket));
      if (request.url === "/refuse") {
        socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnope");
        return;
      }
      const key = request.headers["sec-websocket-key"] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      const protocol = request.url === "/liar" ? "something-else" : request.headers.upgrade;
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${protocol}\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nhello `,
      );
      socket.on("data", (chunk: Buffer) => socket.write(chunk));
      socket.on("end", () => socket.end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    proxy = await startTestProxy();
    await proxy.management.apply(httpService("ws", "ws.example.test", url));
  });
  suiteTeardown(async () => {
    for (const socket of open) socket.destroy();
    server.closeAllConnections();
    server.close();
    await proxy.close();
  });

  const handshake = (host: string, path = "/", protocol = "websocket") =>
    `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n\r\n`;

  test("an HTTP/1.1 handshake goes through and bytes flow both ways", async () => {
    const socket = await rawTls(proxy.port, proxy.ca, "ws.example.test");
    const answer = await exchangeRaw(socket, handshake("ws.example.test"), 100);
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.match(answer, /upgrade: websocket/i);
    assert.match(answer, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
    assert.match(answer, /\r\n\r\nhello $/);
    assert.equal(await exchangeRaw(socket, "ping", 100), "ping");
    assert.equal(handshakes.at(-1)!.headers["x-forwarded-for"], "127.0.0.1");
    socket.destroy();
    await until(() => open.size === 0, "the target's side to close");
  });

  test("bytes that follow the handshake at once are not lost", async () => {
    const socket = await rawTls(proxy.port, proxy.ca, "ws.example.test");
    assert.match(await exchangeRaw(socket, `${handshake("ws.example.test")}early`, 150), /hello early$/);
    socket.destroy();
  });

  test("other protocols may be switched to as well", async () => {
    const socket = await rawTls(proxy.port, proxy.ca, "ws.example.test");
    assert.match(
      await exchangeRaw(socket, handshake("ws.example.test", "/", "my-proto"), 100),
      /upgrade: my-proto/i,
    );
    socket.destroy();
  });

  test("when the target closes, the visitor's connection closes, and the other way round", async () => {
    const socket = await rawTls(proxy.port, proxy.ca, "ws.example.test");
    await exchangeRaw(socket, handshake("ws.example.test"), 100);
    const closed = once(socket, "close");
    for (const side of open) side.end("bye");
    assert.equal(await readQuiet(socket, 100), "bye");
    await closed;
  });

  test("a refused handshake is answered with the target's refusal", async () => {
    const socket = await rawTls(proxy.port, proxy.ca, "ws.example.test");
    const answer = await exchangeRaw(socket, handshake("ws.example.test", "/refuse"), 150);
    assert.match(answer, /^HTTP\/1\.1 403 /);
    assert.match(answer, /nope$/);
    assert.ok(socket.destroyed || socket.readableEnded, "the connection is over");
  });

  test("a target that switches to another protocol than asked for is not believed", async () => {
    const socket = await rawTls(proxy.port, proxy.ca, "ws.example.test");
    assert.match(await exchangeRaw(socket, handshake("ws.example.test", "/liar"), 150), /^HTTP\/1\.1 502 /);
    socket.destroy();
  });

  test("a handshake with a body is refused: nobody knows where the new protocol begins", async () => {
    for (const header of ["Content-Length: 5", "Transfer-Encoding: chunked"]) {
      const socket = await rawTls(proxy.port, proxy.ca, "ws.example.test");
      const before = handshakes.length;
      const bytes = handshake("ws.example.test").replace("\r\n\r\n", `\r\n${header}\r\n\r\nhello`);
      assert.match(await exchangeRaw(socket, bytes, 150), /^HTTP\/1\.1 400 /);
      assert.equal(handshakes.length, before);
    }
  });

  test("an unknown host refuses the handshake", async () => {
    const socket = await rawTls(proxy.port, proxy.ca, "nobody.example.test");
    assert.match(await exchangeRaw(socket, handshake("nobody.example.test"), 150), /^HTTP\/1\.1 404 /);
  });

  test("WebSockets over HTTP/2 (RFC 8441) get a handshake of their own with the target", async () => {
    const session = await http2Session(proxy.port, proxy.ca, "ws.example.test");
    await until(() => session.remoteSettings?.enableConnectProtocol === true, "the setting of RFC 8441");
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":path": "/h2",
      "sec-websocket-version": "13",
    });
    const [headers] = await once(stream, "response");
    assert.equal(headers[":status"], 200);
    assert.equal(headers["sec-websocket-accept"], undefined);
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
    stream.write("ping");
    await until(() => text === "hello ping", "the echo");
    assert.equal(handshakes.at(-1)!.url, "/h2");
    assert.match(String(handshakes.at(-1)!.headers["sec-websocket-key"]), /^[A-Za-z0-9+/]{22}==$/);
    stream.close();
    await until(() => open.size === 0, "the target's side to close");
    session.close();
  });

  test("changes of other services and of this one's target leave a WebSocket alone, its removal cuts it", async () => {
    const service = () => httpService("live", "live.example.test", url);
    await proxy.management.apply(service());
    const socket = await rawTls(proxy.port, proxy.ca, "live.example.test");
    await exchangeRaw(socket, handshake("live.example.test"), 100);
    await proxy.management.apply(httpService("other", "other.example.test", url), service());
    await proxy.management.apply(removed("other"));
    await proxy.management.apply(
      httpService("live", "live.example.test", [{ target: url }, { path: "/new", target: url }]),
    );
    assert.equal(await exchangeRaw(socket, "still here", 100), "still here");
    const closed = once(socket, "close");
    await proxy.management.apply(removed("live"));
    await closed;
  });

  test("a WebSocket ends when who may use the service changes", async () => {
    await proxy.management.apply(httpService("closing", "closing.example.test", url));
    const socket = await rawTls(proxy.port, proxy.ca, "closing.example.test");
    await exchangeRaw(socket, handshake("closing.example.test"), 100);
    const closed = once(socket, "close");
    await proxy.management.apply(httpService("closing", "closing.example.test", url, { private: true }));
    await closed;
  });
});
