import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Readable } from "node:stream";
import type { agent } from "@netbird-proxy/proto/grpc";
import { Forwarder, type ForwarderOptions } from "../../src/forward/forwarder.ts";
import { captureLog } from "../support/captured-log.ts";
import { eventually } from "../support/eventually.ts";
import { type ProxyConnection, proxyConnection, proxyFlow } from "../support/incoming.ts";
import { silentListener } from "../support/silent-listener.ts";
import { closedPort, tcpService } from "../support/tcp-service.ts";

const own = "100.64.0.5";

const cleanup: (() => unknown)[] = [];
async function cleanUp(): Promise<void> {
  for (const run of cleanup.splice(0).reverse()) await run();
}

/** Everything up to the end; unlike an async iterator it leaves the stream's other direction alone. */
async function readAll(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk) => chunks.push(chunk));
  await once(stream, "end");
  return Buffer.concat(chunks).toString();
}

function rule(destination: string, port: number, protocol = "tcp"): agent.AccessRule {
  return { destination, protocol, portFirst: port, portLast: port, sources: ["100.64.0.9/32"] };
}

function forwarderWith(
  state: { rules?: agent.AccessRule[]; routes?: agent.AgentRoute[] },
  options: Partial<ForwarderOptions> = {},
) {
  const captured = captureLog();
  const forwarder = new Forwarder({
    log: captured.log,
    nowMs: Date.now,
    lookup: async (name) => {
      throw Object.assign(new Error(name), { code: "ENOTFOUND" });
    },
    ...options,
  });
  const set = ({ rules = [], routes = [] }: typeof state) =>
    forwarder.setState({ address: own, addressV6: "", rules, routes });
  set(state);
  const open = async (
    localPort: number,
    localAddress = own,
    remoteAddress = "100.64.0.9",
  ): Promise<ProxyConnection> => {
    const connection = await proxyConnection({ localAddress, localPort, remoteAddress });
    cleanup.push(() => connection.proxy.destroy());
    forwarder.onConnection(connection.incoming);
    return connection;
  };
  return { forwarder, set, open, ...captured };
}

suite("forwarding connections", () => {
  teardown(cleanUp);
  const service = async (onSocket: (socket: Socket) => void, host?: string, port?: number) => {
    const made = await tcpService(onSocket, host, port);
    cleanup.push(() => made.close());
    return made;
  };

  test("a request reaches an HTTP server on this host's loopback and its answer comes back", async () => {
    const server = createServer((incoming, response) => response.end(`you asked for ${incoming.url}`));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanup.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { open } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    const asking = request({ createConnection: () => proxy, path: "/things?id=1", host: "x" });
    asking.end();
    const [response] = await once(asking, "response");
    assert.equal(await readAll(response), "you asked for /things?id=1");
  });

  test("a service that listens on the IPv6 loopback only is found too", async () => {
    const { port } = await service((socket) => socket.end("six"), "::1");
    const { open } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    assert.equal(await readAll(proxy), "six");
  });

  test("nothing is accepted before the service has accepted: a closed port is refused", async () => {
    const port = await closedPort();
    const { open, forwarder, named } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { outcome } = await open(port);
    assert.equal(await outcome, "refused");
    assert.deepEqual(forwarder.counts, { connections: 0, flows: 0, denied: 0 });
    assert.equal(named("the target does not accept the connection")[0]?.error, "ECONNREFUSED");
  });

  test("what no rule allows never reaches the service, and differs from a closed port", async () => {
    const { port, sockets } = await service(() => {});
    const { open, forwarder, named } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    assert.equal(await (await open(port, own, "100.64.0.10")).outcome, "unreachable");
    assert.equal(await (await open(port, own, "100.64.0.10")).outcome, "unreachable");
    assert.equal(forwarder.counts.denied, 2);
    // Once per interval, however often it is tried.
    const lines = named("denied");
    assert.equal(lines.length, 1);
    assert.equal(lines[0]?.why, "no rule for this source");
    assert.equal(sockets.length, 0);
  });

  test("a rule without a route leads nowhere", async () => {
    const { open, named } = forwarderWith({ rules: [rule("10.0.0.0/8", 80)] });
    assert.equal(await (await open(80, "10.1.1.1")).outcome, "unreachable");
    assert.equal(named("denied")[0]?.why, "no-route");
  });

  test("an address under a routed prefix is dialled from this host", async () => {
    const { port } = await service((socket) => socket.end("behind"), "127.0.0.3");
    const { open } = forwarderWith({
      rules: [rule("127.0.0.2/31", port)],
      routes: [{ resourceId: "r", prefix: "127.0.0.2/31", domain: "" }],
    });
    assert.equal(await readAll((await open(port, "127.0.0.3")).proxy), "behind");
  });

  test("the virtual address of a domain resource goes to what the name resolves to here", async () => {
    const { port } = await service((socket) => socket.end("by name"), "127.0.0.4");
    const asked: string[] = [];
    const { open } = forwarderWith(
      {
        rules: [rule("100.64.200.1/32", port)],
        routes: [{ resourceId: "r", prefix: "100.64.200.1/32", domain: "db.internal" }],
      },
      {
        lookup: async (name) => {
          asked.push(name);
          return ["127.0.0.4"];
        },
      },
    );
    assert.equal(await readAll((await open(port, "100.64.200.1")).proxy), "by name");
    assert.deepEqual(asked, ["db.internal"]);
  });

  test("a name that does not resolve is unreachable and logged", async () => {
    const { open, named } = forwarderWith({
      rules: [rule("100.64.200.1/32", 80)],
      routes: [{ resourceId: "r", prefix: "100.64.200.1/32", domain: "db.internal" }],
    });
    assert.equal(await (await open(80, "100.64.200.1")).outcome, "unreachable");
    assert.equal(named("the name of a domain resource does not resolve on this host")[0]?.why, "ENOTFOUND");
  });

  test("a wildcard domain cannot be dialled by its address", async () => {
    const { open, named } = forwarderWith({
      rules: [rule("100.64.200.1/32", 80)],
      routes: [{ resourceId: "r", prefix: "100.64.200.1/32", domain: "*.internal" }],
    });
    assert.equal(await (await open(80, "100.64.200.1")).outcome, "unreachable");
    assert.equal(named("denied")[0]?.why, "wildcard");
  });

  test("a target that never answers stays silent to the proxy, and its place becomes free", async () => {
    const silent = await silentListener();
    cleanup.push(() => silent.close());
    const { open, forwarder } = forwarderWith(
      {
        rules: [rule("127.0.0.0/8", silent.port)],
        routes: [{ resourceId: "r", prefix: "127.0.0.0/8", domain: "" }],
      },
      { connectTimeoutMs: 200 },
    );
    const connection = await open(silent.port, "127.0.0.1");
    assert.equal(forwarder.counts.connections, 1);
    assert.equal(await connection.outcome, "drop");
    assert.equal(forwarder.counts.connections, 0);
  });

  test("each side may end its direction and go on reading", async () => {
    const { port } = await service(async (socket) => {
      const got = await readAll(socket);
      socket.end(`got ${got} after the end`);
    });
    const { open, forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    proxy.end("a question");
    assert.equal(await readAll(proxy), "got a question after the end");
    await eventually("the connection to be gone", () => forwarder.counts.connections === 0);
  });

  test("the service may end first while the proxy still sends", async () => {
    let received: Promise<string> | undefined;
    const { port } = await service((socket) => {
      received = readAll(socket);
      socket.end("goodbye");
    });
    const { open } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    assert.equal(await readAll(proxy), "goodbye");
    proxy.end("still here");
    assert.equal(await received, "still here");
  });

  test("a reset of the service reaches the proxy as a reset, not as an end", async () => {
    const { port, sockets } = await service((socket) => socket.write("half an answer"));
    const { open, forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    await once(proxy, "data");
    const failed = once(proxy, "error");
    sockets[0]?.resetAndDestroy();
    assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
    await eventually("the connection to be gone", () => forwarder.counts.connections === 0);
  });

  test("a reset of the proxy reaches the service as a reset", async () => {
    let failed: Promise<NodeJS.ErrnoException> | undefined;
    const { port } = await service((socket) => {
      failed = new Promise((resolve) => socket.once("error", resolve));
      socket.write("hello");
    });
    const { open } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    await once(proxy, "data");
    proxy.resetAndDestroy();
    assert.equal((await failed)?.code, "ECONNRESET");
  });

  test("a reader who stops reading stops the writer, and nothing is lost", async () => {
    const total = 48 << 20;
    const block = randomBytes(1 << 20);
    const sentHash = createHash("sha256");
    let sent = 0;
    const { port } = await service((socket) => {
      const send = () => {
        while (sent < total) {
          sent += block.length;
          sentHash.update(block);
          if (!socket.write(block)) return void socket.once("drain", send);
        }
        socket.end();
      };
      send();
    });
    const { open } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    let before = -1;
    await eventually("the writer to stop", async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const stopped = sent === before && sent > 0;
      before = sent;
      return stopped;
    });
    assert.ok(sent < total, `all ${sent} bytes were taken in with nobody reading`);
    const gotHash = createHash("sha256");
    let got = 0;
    for await (const chunk of proxy) {
      gotHash.update(chunk);
      got += chunk.length;
    }
    assert.equal(got, total);
    assert.equal(gotHash.digest("hex"), sentHash.digest("hex"));
  });

  test("a connection that a new state no longer allows is cut", async () => {
    const { port } = await service((socket) => socket.write("hello"));
    const { open, set } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const { proxy } = await open(port);
    await once(proxy, "data");
    set({ rules: [rule(`${own}/32`, port)] });
    proxy.write("kept");
    const failed = once(proxy, "error");
    set({ rules: [] });
    assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
  });

  test("an attempt that the proxy gave up while the target was being dialled leaves nothing behind", async () => {
    const { port, sockets } = await service(() => {});
    const { forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port)] });
    const connection = await proxyConnection({ localAddress: own, localPort: port });
    cleanup.push(() => connection.proxy.destroy());
    const gaveUp = Object.assign(new Error("accept ECONNABORTED"), { code: "ECONNABORTED" });
    forwarder.onConnection({
      ...connection.incoming,
      accept() {
        throw gaveUp;
      },
    });
    await eventually("the attempt to be forgotten", () => forwarder.counts.connections === 0);
    await eventually("the service's side to be closed", () => sockets[0]?.closed);
  });

  test("beyond the limit connections are refused, and a place that becomes free is used again", async () => {
    const { port } = await service((socket) => socket.resume());
    const { open, forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port)] }, { maxConnections: 1 });
    const first = await open(port);
    assert.equal(await first.outcome, "accepted");
    assert.equal(await (await open(port)).outcome, "refused");
    first.proxy.resetAndDestroy();
    await eventually("the place to be free", () => forwarder.counts.connections === 0);
    assert.equal(await (await open(port)).outcome, "accepted");
  });

  test("closing takes nothing new, lets a transfer finish and cuts what is idle", async () => {
    const { port } = await service((socket) => {
      let left = 8;
      const timer = setInterval(() => {
        socket.write("x");
        left -= 1;
        if (left > 0) return;
        clearInterval(timer);
        socket.end();
      }, 50);
    });
    const idle = await service((socket) => socket.write("idle"));
    const { open, forwarder } = forwarderWith({
      rules: [rule(`${own}/32`, port), rule(`${own}/32`, idle.port)],
    });
    const busy = await open(port);
    const waiting = await open(idle.port);
    await once(waiting.proxy, "data");
    const answer = readAll(busy.proxy);
    const cut = once(waiting.proxy, "error");
    const closing = forwarder.close(3_000);
    assert.equal(await (await open(port)).outcome, "unreachable");
    busy.proxy.end();
    assert.equal(await answer, "xxxxxxxx");
    await closing;
    assert.equal(((await cut)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
  });
});

suite("forwarding UDP flows", () => {
  teardown(cleanUp);
  async function echoService(host = "127.0.0.1"): Promise<number> {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.on("message", (datagram, from) => socket.send(`echo ${datagram}`, from.port, from.address));
    socket.bind(0, host);
    await once(socket, "listening");
    cleanup.push(() => socket.close());
    return socket.address().port;
  }

  test("datagrams go to the service and back, the first one included", async () => {
    const port = await echoService();
    const { forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port, "udp")] });
    const flow = proxyFlow({ localAddress: own, localPort: port }, "one");
    forwarder.onFlow(flow.incoming);
    assert.equal(await flow.outcome, "accepted");
    await eventually("the first answer", () => flow.received.length === 1);
    flow.send("two");
    await eventually("the second answer", () => flow.received.length === 2);
    assert.deepEqual(flow.received, ["echo one", "echo two"]);
    assert.equal(forwarder.counts.flows, 1);
    await forwarder.close(0);
    assert.equal(flow.closed(), true);
    assert.equal(forwarder.counts.flows, 0);
  });

  test("a service on the IPv6 loopback gets the first datagram after IPv4 refused it", async () => {
    const port = await echoService("::1");
    const { forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port, "udp")] });
    const flow = proxyFlow({ localAddress: own, localPort: port }, "one");
    forwarder.onFlow(flow.incoming);
    await eventually("the answer", () => flow.received.length === 1);
    assert.deepEqual(flow.received, ["echo one"]);
    await forwarder.close(0);
  });

  test("a TCP rule does not open the UDP port", async () => {
    const port = await echoService();
    const { forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port, "tcp")] });
    const flow = proxyFlow({ localAddress: own, localPort: port }, "one");
    forwarder.onFlow(flow.incoming);
    assert.equal(await flow.outcome, "unreachable");
  });

  test("a flow without traffic is forgotten", async () => {
    const port = await echoService();
    const { forwarder } = forwarderWith(
      { rules: [rule(`${own}/32`, port, "udp")] },
      { flowIdleTimeoutMs: 100 },
    );
    const flow = proxyFlow({ localAddress: own, localPort: port }, "one");
    forwarder.onFlow(flow.incoming);
    await eventually("the flow to be closed", flow.closed);
    assert.deepEqual(flow.received, ["echo one"]);
    assert.equal(forwarder.counts.flows, 0);
  });

  test("when no candidate takes the datagram the flow ends, and a port that opens later gets the next one", async () => {
    const port = await closedPort();
    const { forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port, "udp")] });
    const flow = proxyFlow({ localAddress: own, localPort: port }, "one");
    forwarder.onFlow(flow.incoming);
    await eventually("the flow to end", flow.closed);
    assert.equal(forwarder.counts.flows, 0);
  });

  test("beyond the limit flows are dropped without a word", async () => {
    const port = await echoService();
    const { forwarder } = forwarderWith({ rules: [rule(`${own}/32`, port, "udp")] }, { maxFlows: 1 });
    const first = proxyFlow({ localAddress: own, localPort: port }, "one");
    forwarder.onFlow(first.incoming);
    const second = proxyFlow({ localAddress: own, localPort: port }, "two");
    forwarder.onFlow(second.incoming);
    assert.equal(await second.outcome, "drop");
    await forwarder.close(0);
  });
});
