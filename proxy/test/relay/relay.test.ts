import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { management } from "@netbird-proxy/proto/grpc";
import type { Device, Tunnel } from "@netbird-proxy/tunnel";
import { freePort } from "../../../scripts/stack/free-port.ts";
import { issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { parseProxyHeader } from "../../src/listen/proxy-protocol.ts";
import { startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import { joinPeer, PEER } from "../support/peer.ts";
import { startTestProxy, type TestProxy, testAuthority } from "../support/proxy.ts";

suite("services without HTTP", () => {
  let proxy: TestProxy;
  let peer: { tunnel: Tunnel; device: Device };
  let echo: Server;
  const accepted: Socket[] = [];

  suiteSetup(async () => {
    proxy = await startTestProxy();
    peer = await joinPeer(proxy);
    echo = createServer({ allowHalfOpen: true }, (socket) => {
      accepted.push(socket);
      socket.on("error", () => {});
      socket.on("data", (chunk) => socket.write(chunk));
      socket.on("end", () => socket.end("[end]"));
    });
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  });
  suiteTeardown(async () => {
    for (const socket of accepted) socket.destroy();
    echo.close();
    await peer.tunnel.close();
    await proxy.close();
  });

  const echoPort = () => (echo.address() as AddressInfo).port;

  function l4(
    id: string,
    mode: string,
    listenPort: number,
    port: number,
    more: Partial<management.ProxyMapping> & { options?: Partial<management.PathTargetOptions> } = {},
  ): management.ProxyMapping {
    const { options, ...rest } = more;
    return httpService(
      id,
      `${id}.example.test`,
      [{ target: `${PEER}:${port}`, options: { directUpstream: false, ...options } }],
      {
        mode,
        listenPort,
        ...rest,
      },
    );
  }
  async function open(port: number): Promise<Socket> {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    await once(socket, "connect");
    socket.on("error", () => {});
    return socket;
  }
  function collect(socket: Socket): { text: string; ended: boolean } {
    const seen = { text: "", ended: false };
    socket.on("data", (chunk: Buffer) => {
      seen.text += chunk.toString("latin1");
    });
    socket.on("end", () => {
      seen.ended = true;
    });
    return seen;
  }

  test("TCP goes through the tunnel, half-closed connections included, and is logged", async () => {
    const port = await freePort("tcp");
    const ack = await proxy.management.apply(l4("tcp1", "tcp", port, echoPort()));
    assert.deepEqual(ack.rejections, []);
    await until(
      () => proxy.management.report("tcp1")?.targets[0]?.reason === "",
      "the target to be reachable",
    );
    const socket = await open(port);
    const seen = collect(socket);
    socket.write("hello");
    await until(() => seen.text === "hello");
    socket.end();
    await until(() => seen.ended);
    assert.equal(seen.text, "hello[end]");
    await until(() => proxy.management.accessLogs.some(({ serviceId }) => serviceId === "tcp1"));
    const record = proxy.management.accessLogs.find(({ serviceId }) => serviceId === "tcp1")!;
    assert.equal(record.protocol, "tcp");
    assert.equal(record.bytesUpload, 5n);
    assert.equal(record.bytesDownload, 10n);
    assert.equal(record.sourceIp, "127.0.0.1");
  });

  test("weakness 3: a removed service closes its port and its connections, a moved one leaves no old port behind", async () => {
    const port = await freePort("tcp");
    const moved = await freePort("tcp");
    await proxy.management.apply(l4("tcp2", "tcp", port, echoPort()));
    const socket = await open(port);
    const seen = collect(socket);
    socket.write("x");
    await until(() => seen.text === "x");
    await proxy.management.apply(l4("tcp2", "tcp", moved, echoPort()));
    await assert.rejects(open(port), /ECONNREFUSED/);
    const second = await open(moved);
    const closed = once(second.resume(), "end");
    await proxy.management.apply(removed("tcp2"));
    await closed;
    await assert.rejects(open(moved), /ECONNREFUSED/);
  });

  test("a port that is taken refuses the service by name; what it served before goes on", async () => {
    const blocker = createServer().listen(0, "127.0.0.1");
    await once(blocker, "listening");
    const taken = (blocker.address() as AddressInfo).port;
    const port = await freePort("tcp");
    await proxy.management.apply(l4("tcp3", "tcp", port, echoPort()));
    const ack = await proxy.management.apply(l4("tcp3", "tcp", taken, echoPort()));
    assert.equal(ack.rejections[0]?.code, "proxy.port_in_use");
    const socket = await open(port);
    const seen = collect(socket);
    socket.write("still");
    await until(() => seen.text === "still");
    socket.destroy();
    blocker.close();
    const bad = await proxy.management.apply(l4("tcp4", "tcp", 0, echoPort()));
    assert.equal(bad.rejections[0]?.code, "service.port_out_of_range");
  });

  test("restrictions and login apply: refused connections close and are logged once", async () => {
    const port = await freePort("tcp");
    await proxy.management.apply(
      l4("tcp5", "tcp", port, echoPort(), {
        accessRestrictions: management.AccessRestrictions.fromPartial({
          blockedCidrs: ["127.0.0.0/8"],
        } as never),
      }),
    );
    for (let i = 0; i < 3; i++) {
      const socket = await open(port);
      await once(socket.resume(), "end");
      socket.destroy();
    }
    await until(() => proxy.management.accessLogs.some(({ serviceId }) => serviceId === "tcp5"));
    const records = proxy.management.accessLogs.filter(({ serviceId }) => serviceId === "tcp5");
    assert.equal(records.length, 1);
    assert.equal(records[0]!.authMechanism, "ip_restricted");
    await proxy.management.apply(
      l4("tcp5", "tcp", port, echoPort(), {
        auth: management.Authentication.fromPartial({ password: true } as never),
      }),
    );
    const refused = await open(port);
    await once(refused.resume(), "end");
    refused.destroy();
  });

  test("an idle connection is closed, a busy one is not", async () => {
    const port = await freePort("tcp");
    const sink = createServer((socket) => {
      accepted.push(socket);
      socket.on("error", () => {}).resume();
    }).listen(0, "127.0.0.1");
    await once(sink, "listening");
    await proxy.management.apply(
      l4("tcp6", "tcp", port, (sink.address() as AddressInfo).port, {
        options: { sessionIdleTimeout: { seconds: 0n, nanos: 300_000_000 } },
      }),
    );
    const socket = await open(port);
    socket.resume();
    const startedMs = performance.now();
    const busy = setInterval(() => socket.write("x"), 50);
    setTimeout(() => clearInterval(busy), 600);
    await once(socket, "end");
    socket.destroy();
    const livedMs = performance.now() - startedMs;
    sink.close();
    assert.ok(livedMs > 700 && livedMs < 3000, `closed after ${livedMs} ms`);
  });

  test("the target learns the client's address where it asks for PROXY headers", async () => {
    const port = await freePort("tcp");
    await proxy.management.apply(l4("tcp7", "tcp", port, echoPort(), { options: { proxyProtocol: true } }));
    const socket = await open(port);
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
    });
    socket.write("payload");
    await until(() => bytes.includes("payload"));
    const header = parseProxyHeader(bytes);
    assert.ok(header.kind === "header");
    assert.equal(header.addresses?.sourceAddress, "127.0.0.1");
    assert.equal(header.addresses?.sourcePort, socket.localPort);
    assert.equal(bytes.subarray(header.bytes).toString(), "payload");
    socket.destroy();
  });

  test("TLS is passed through by server name, next to other names and a TCP service on one port", async () => {
    const leaf = await issueCertificate(await testAuthority(), ["tls1.example.test"]);
    const backend = createTlsServer({ cert: leaf.certificate, key: leaf.key }, (socket: TLSSocket) => {
      socket.on("error", () => {});
      socket.end("from the target itself");
    });
    await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
    const port = await freePort("tcp");
    await proxy.management.apply(
      l4("tls1", "tls", port, (backend.address() as AddressInfo).port),
      l4("tcp8", "tcp", port, echoPort()),
    );
    const visitor = connectTls({ host: "127.0.0.1", port, servername: "tls1.example.test", ca: proxy.ca });
    const seen = collect(visitor);
    let names = "";
    visitor.once("secureConnect", () => {
      names = visitor.getPeerX509Certificate()?.subjectAltName ?? "";
    });
    await until(() => seen.text === "from the target itself");
    assert.equal(names, "DNS:tls1.example.test");
    visitor.destroy();
    const plain = await open(port);
    const echoed = collect(plain);
    plain.write("SSH-2.0-whatever\r\n");
    await until(() => echoed.text === "SSH-2.0-whatever\r\n");
    plain.destroy();
    await proxy.management.apply(removed("tls1"), removed("tcp8"));
    backend.close();
  });

  test("TLS passed through on the main port leaves HTTP services there alone", async () => {
    const leaf = await issueCertificate(await testAuthority(), ["tls2.example.test"]);
    const backend = createTlsServer({ cert: leaf.certificate, key: leaf.key }, (socket: TLSSocket) => {
      socket.on("error", () => {});
      socket.end("passed through");
    });
    await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
    const web = await startBackend();
    await proxy.management.apply(
      l4("tls2", "tls", proxy.port, (backend.address() as AddressInfo).port),
      httpService("web", "web.example.test", web.url),
    );
    const visitor = connectTls({
      host: "127.0.0.1",
      port: proxy.port,
      servername: "tls2.example.test",
      ca: proxy.ca,
    });
    const seen = collect(visitor);
    await until(() => seen.text === "passed through");
    visitor.destroy();
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "web.example.test" })).status, 200);
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "nobody.example.test" })).status, 404);
    // A browser that reuses the other name's connection is told to make a new one.
    const misdirected = await get({
      port: proxy.port,
      ca: proxy.ca,
      host: "tls2.example.test",
      serverName: "web.example.test",
    });
    assert.equal(misdirected.status, 421);
    await proxy.management.apply(removed("tls2"));
    backend.close();
    web.close();
  });

  test("UDP datagrams find their way there and back, each client on its own", async () => {
    const target = createSocket("udp4");
    target.on("message", (datagram, from) =>
      target.send(`${from.port}:${datagram}`, from.port, from.address),
    );
    await new Promise<void>((resolve) => target.bind(0, "127.0.0.1", resolve));
    const port = await freePort("udp");
    await proxy.management.apply(l4("udp1", "udp", port, target.address().port));
    await until(() => proxy.management.report("udp1")?.targets[0]?.reason === "", "the peer to answer");
    const clients = [createSocket("udp4"), createSocket("udp4")];
    const answers = await Promise.all(
      clients.map(async (client, i) => {
        client.send(`hello ${i}`, port, "127.0.0.1");
        const [answer] = (await once(client, "message")) as [Buffer];
        return answer.toString();
      }),
    );
    assert.match(answers[0]!, /:hello 0$/);
    assert.match(answers[1]!, /:hello 1$/);
    assert.notEqual(answers[0]!.split(":")[0], answers[1]!.split(":")[0], "two flows");
    await proxy.management.apply(removed("udp1"));
    await until(
      () => proxy.management.accessLogs.filter(({ serviceId }) => serviceId === "udp1").length === 2,
    );
    for (const client of clients) client.close();
    target.close();
  });

  test("weakness 15: a UDP flow goes on when its service changes, while it may and leads to the same place", async () => {
    const targets = [createSocket("udp4"), createSocket("udp4")];
    for (const target of targets) {
      target.on("message", (_datagram, from) => target.send(String(from.port), from.port, from.address));
      target.bind(0, "127.0.0.1");
      await once(target, "listening");
    }
    const [first, second] = targets.map((target) => target.address().port);
    const port = await freePort("udp");
    const client = createSocket("udp4");
    /** @returns the port that the target sees */
    const ask = async () => {
      client.send("x", port, "127.0.0.1");
      return String((await once(client, "message"))[0]);
    };
    const to = (targetPort: number, restrictions = {}) => ({
      ...l4("udp2", "udp", port, targetPort),
      accessRestrictions: management.AccessRestrictions.fromPartial(restrictions),
    });
    try {
      await proxy.management.apply(to(first!));
      const before = await ask();
      await proxy.management.apply({ ...to(first!), name: "renamed" });
      assert.equal(await ask(), before);
      await proxy.management.apply(to(first!, { allowedCidrs: ["127.0.0.0/8"] }));
      assert.equal(await ask(), before);
      await proxy.management.apply(to(second!, { allowedCidrs: ["127.0.0.0/8"] }));
      assert.notEqual(await ask(), before);
      const logged = () => proxy.management.accessLogs.filter(({ serviceId }) => serviceId === "udp2");
      await until(() => logged().length === 1, "the end of the flow to the target before");
      await proxy.management.apply(to(second!, { blockedCidrs: ["127.0.0.0/8"] }));
      await until(() => logged().length === 2, "the end of the flow that may not be any more");
    } finally {
      await proxy.management.apply(removed("udp2"));
      client.close();
      for (const target of targets) target.close();
    }
  });

  test("HTTP goes through the tunnel too, and a peer that dies is reported within fifteen seconds", async function () {
    this.timeout(40_000);
    const web = await startBackend();
    await proxy.management.apply(
      httpService("tunnelled", "tunnelled.example.test", [
        { target: `http://${PEER}:${web.port}/`, options: { directUpstream: false } },
      ]),
    );
    const reply = await get({ port: proxy.port, ca: proxy.ca, host: "tunnelled.example.test" });
    assert.equal(reply.status, 200);
    await until(() => proxy.management.report("tunnelled")?.targets[0]?.reason === "");
    assert.ok(proxy.management.reports.some(({ peers }) => peers.some(({ peerId }) => peerId === "peer-1")));
    await peer.tunnel.close();
    const startedMs = performance.now();
    await until(
      () => proxy.management.report("tunnelled")?.targets[0]?.reason === "tunnel.peer_unreachable",
      "the report",
      15_000,
    );
    assert.ok(performance.now() - startedMs < 15_000);
    web.close();
  });
});
