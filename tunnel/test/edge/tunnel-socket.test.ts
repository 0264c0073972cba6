import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import type { Duplex, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import tls from "node:tls";
import { request, Agent as UndiciAgent } from "undici";
import type { Device, IncomingConnection, TunnelSocket } from "../../src/index.ts";
import {
  CLIENT_ADDRESS,
  type LoopbackTunnels,
  loopbackTunnels,
  SERVER_ADDRESS,
} from "../support/loopback-tunnels.ts";

/** What the server device does with the next connections. */
let onConnection: (incoming: IncomingConnection) => void;
let tunnels: LoopbackTunnels;
let client: Device;

/** Reads to the end without destroying the stream, as `node:stream/consumers` does. */
async function text(stream: Readable): Promise<string> {
  const pieces: Buffer[] = [];
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  await once(stream, "end");
  return Buffer.concat(pieces).toString();
}

const dial = (port = 80) => client.dialTcp({ host: SERVER_ADDRESS, port });

/** Dials and hands out both ends. */
async function pair(): Promise<{ near: TunnelSocket; far: TunnelSocket }> {
  const arrived = new Promise<TunnelSocket>((resolve) => {
    onConnection = (incoming) => resolve(incoming.accept());
  });
  const near = await dial();
  return { near, far: await arrived };
}

suite("edge/tunnel-socket", () => {
  suiteSetup(async () => {
    tunnels = await loopbackTunnels({ onConnection: (incoming) => onConnection(incoming) });
    client = tunnels.client;
  });
  suiteTeardown(() => tunnels.close());

  test("tells the addresses of both ends", async () => {
    const { near, far } = await pair();
    assert.deepEqual([near.remoteAddress, near.remotePort, near.remoteFamily], [SERVER_ADDRESS, 80, "IPv4"]);
    assert.deepEqual([far.localAddress, far.localPort], [SERVER_ADDRESS, 80]);
    assert.deepEqual([far.remoteAddress, far.remotePort], [CLIENT_ADDRESS, near.localPort]);
    assert.equal(near.connecting, false);
    near.destroy();
    far.destroy();
  });

  test("one side ends, the other still writes; both close without an error", async () => {
    const { near, far } = await pair();
    near.end("question");
    assert.equal(await text(far), "question");
    await new Promise((resolve) => setTimeout(resolve, 50));
    far.write("long ");
    far.end("answer");
    assert.equal(await text(near), "long answer");
    assert.deepEqual([near.bytesRead, near.bytesWritten], [11, 8]);
    if (!near.closed) await once(near, "close");
    if (!far.closed) await once(far, "close");
    assert.deepEqual([near.errored, far.errored], [null, null]);
  });

  test("destroy without unread data is an orderly end for the other side", async () => {
    const { near, far } = await pair();
    near.write("bye");
    near.destroy();
    assert.equal(await text(far), "bye");
    far.end();
  });

  test("resetAndDestroy is ECONNRESET for the other side, after the data that came before", async () => {
    const { near, far } = await pair();
    near.write("before");
    const [first] = (await once(far, "data")) as [Buffer];
    assert.equal(first.toString(), "before");
    near.resetAndDestroy();
    const [error] = (await once(far, "error")) as [NodeJS.ErrnoException];
    assert.deepEqual([error.code, error.syscall], ["ECONNRESET", "read"]);
  });

  test("writing after the other side reset is an error with a code", async () => {
    const { near, far } = await pair();
    far.resetAndDestroy();
    await assert.rejects(once(near, "close"), { code: "ECONNRESET" });
    const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
      near.write("x", (e) => resolve(e as NodeJS.ErrnoException)),
    );
    assert.ok(error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED", error.code);
  });

  test("a dial that nobody answers is ETIMEDOUT, one that is aborted an AbortError", async () => {
    onConnection = (incoming) => incoming.refuse("drop");
    const startMs = performance.now();
    await assert.rejects(client.dialTcp({ host: SERVER_ADDRESS, port: 1 }, { timeoutMs: 100 }), {
      code: "ETIMEDOUT",
    });
    assert.ok(performance.now() - startMs >= 95);
    const controller = new AbortController();
    const dialing = client.dialTcp({ host: SERVER_ADDRESS, port: 1 }, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await assert.rejects(dialing, { name: "AbortError" });
    await assert.rejects(client.dialTcp({ host: SERVER_ADDRESS, port: 1 }, { signal: controller.signal }), {
      name: "AbortError",
    });
  });

  test("refusals have the codes of a kernel socket", async () => {
    onConnection = (incoming) => incoming.refuse("refused");
    await assert.rejects(dial(), {
      code: "ECONNREFUSED",
      syscall: "connect",
      address: SERVER_ADDRESS,
      port: 80,
    });
    onConnection = (incoming) => incoming.refuse("unreachable");
    await assert.rejects(dial(), { code: "EHOSTUNREACH" });
    await assert.rejects(client.dialTcp({ host: "192.0.2.1", port: 80 }), { code: "EHOSTUNREACH" });
    await assert.rejects(client.dialTcp({ host: "example.com", port: 80 }), { code: "EINVAL" });
    await assert.rejects(client.dialTcp({ host: SERVER_ADDRESS, port: 0 }), { code: "EINVAL" });
  });

  test("setTimeout fires on silence, not on traffic", async () => {
    const { near, far } = await pair();
    let timeouts = 0;
    near.setTimeout(120, () => {
      timeouts += 1;
    });
    far.resume();
    for (let i = 0; i < 6; i += 1) {
      near.write("x");
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    assert.equal(timeouts, 0);
    await once(near, "timeout");
    assert.equal(timeouts, 1);
    near.on("timeout", () => {
      timeouts += 1;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(timeouts, 1);
    near.write("awake again");
    await once(near, "timeout");
    near.setTimeout(0);
    near.destroy();
    far.destroy();
  });

  test("back-pressure reaches the writer and goes away with the reader's appetite", async () => {
    const { near, far } = await pair();
    // A reader that has begun and then stops.
    let received = 0;
    far.on("data", (bytes: Buffer) => {
      received += bytes.length;
    });
    near.write("begin");
    await once(far, "data");
    far.pause();
    const piece = Buffer.alloc(64 * 1024, 7);
    let written = 0;
    const write = () => {
      while (written < 64 << 20) {
        written += piece.length;
        if (!near.write(piece)) return;
      }
      near.end();
    };
    near.on("drain", write);
    write();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stalledAt = written;
    assert.ok(stalledAt < 6 << 20, `${stalledAt} bytes were taken`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(written, stalledAt);
    assert.ok(far.readableLength <= 256 * 1024, `${far.readableLength} bytes wait in the stream`);
    far.resume();
    await once(far, "end");
    assert.equal(received, (64 << 20) + 5);
    far.end();
  });

  test("carries http.Agent with keep-alive: requests share a connection", async () => {
    const server = http.createServer((incoming, response) => {
      incoming.resume();
      incoming.on("end", () => response.end(`${incoming.method} ${incoming.url}`));
    });
    let connections = 0;
    onConnection = (incoming) => {
      connections += 1;
      server.emit("connection", incoming.accept());
    };
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    Object.assign(agent, {
      createConnection: (_options: object, done: (error: Error | null, socket?: Duplex) => void) => {
        dial().then((socket) => done(null, socket), done);
      },
    });
    for (let i = 0; i < 5; i += 1) {
      const message = await new Promise<http.IncomingMessage>((resolve, reject) => {
        const outgoing = http.request({ agent, method: "POST", path: `/${i}` }, resolve);
        outgoing.on("error", reject);
        outgoing.end("body");
      });
      assert.equal(await text(message), `POST /${i}`);
    }
    assert.equal(connections, 1);
    agent.destroy();
    server.close();
  });

  test("carries undici, with bodies of any size both ways", async () => {
    const server = http.createServer((incoming, response) => incoming.pipe(response));
    onConnection = (incoming) => server.emit("connection", incoming.accept());
    const agent = new UndiciAgent({
      connect: (options, callback) => {
        dial(Number(options.port || 80)).then(
          (socket) => callback(null, socket as never),
          (error) => callback(error as Error, null),
        );
      },
    });
    for (const size of [0, 1, 1380, 100_000, 5_000_000]) {
      const body = Buffer.alloc(size, "undici");
      const answer = await request(`http://${SERVER_ADDRESS}/`, { dispatcher: agent, method: "POST", body });
      assert.ok((await buffer(answer.body)).equals(body), `${size} bytes`);
    }
    await agent.close();
    server.close();
  });

  test("carries TLS, client and server, over the stream", async () => {
    // A throw-away key for the name inside.test, good for a hundred years.
    const file = (name: string) => readFileSync(new URL(`../vectors/${name}`, import.meta.url));
    const key = file("inside.test.key.pem");
    const cert = file("inside.test.cert.pem");
    const server = tls.createServer({ key, cert }, (socket) => socket.pipe(socket));
    onConnection = (incoming) => server.emit("connection", incoming.accept());
    const socket = tls.connect({ socket: await dial(443), ca: cert, servername: "inside.test" });
    await once(socket, "secureConnect");
    assert.equal(socket.authorized, true);
    const body = Buffer.alloc(2_000_000, "tls");
    socket.end(body);
    assert.ok((await buffer(socket)).equals(body));
    server.close();
  });

  test("carries an HTTP upgrade and the raw bytes after it", async () => {
    const server = http.createServer();
    server.on("upgrade", (_request, socket: Duplex, head: Buffer) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
      socket.write(head);
      socket.pipe(socket);
    });
    onConnection = (incoming) => server.emit("connection", incoming.accept());
    const connection = await dial();
    const outgoing = http.request({
      createConnection: () => connection,
      headers: { connection: "upgrade", upgrade: "echo" },
    });
    outgoing.end();
    const [response, socket] = (await once(outgoing, "upgrade")) as [http.IncomingMessage, Duplex];
    assert.equal(response.statusCode, 101);
    socket.write("ping");
    const [echo] = (await once(socket, "data")) as [Buffer];
    assert.equal(echo.toString(), "ping");
    socket.end();
    await once(socket, "end");
    server.close();
  });
});
