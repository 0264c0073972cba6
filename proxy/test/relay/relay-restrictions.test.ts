import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import { management } from "@netbird-proxy/proto/grpc";
import type { Device, Tunnel } from "@netbird-proxy/tunnel";
import { freePort } from "../../../scripts/stack/free-port.ts";
import { issueCertificate } from "../../../scripts/stack/local-ca.ts";
import { ScriptedLocalApi } from "../support/local-api.ts";
import { ScriptedManagement, until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { joinPeer, PEER } from "../support/peer.ts";
import { startTestProxy, type TestProxy, testAuthority } from "../support/proxy.ts";

/** RIPE NCC's own networks, in the Netherlands. */
const DUTCH = "193.0.6.139";
const BANNED = "193.0.6.140";
const SUSPECTED = "193.0.6.141";
const BLOCKED = "193.0.7.1";
const ELSEWHERE = "8.8.8.8";

const lists = { blockedCidrs: [`${BLOCKED}/32`, "2001:67c:2e8:99::/64"], allowedCountries: ["NL"] };
const enforced = { ...lists, crowdsecMode: "enforce" };
const observed = { observed: lists, crowdsecMode: "observe" };

suite("restrictions of services without HTTP", () => {
  let proxy: TestProxy;
  let peer: { tunnel: Tunnel; device: Device };
  let api: ScriptedLocalApi;
  let echo: Server;
  let tlsEcho: TlsServer;
  const ports: Record<string, number> = {};

  suiteSetup(async () => {
    api = await new ScriptedLocalApi().start();
    const decision = { type: "ban", scope: "Ip", duration: "4h" };
    api.decisions = [
      { ...decision, id: 1, value: BANNED },
      { ...decision, id: 2, value: "127.0.0.3" },
      { ...decision, id: 3, value: SUSPECTED, type: "captcha" },
    ];
    proxy = await startTestProxy(
      {
        NB_PROXY_PROXY_PROTOCOL: "true",
        NB_PROXY_TRUSTED_PROXIES: "127.0.0.1",
        NB_PROXY_CROWDSEC_API_URL: api.url,
        NB_PROXY_CROWDSEC_API_KEY: "right",
      },
      new ScriptedManagement(),
    );
    peer = await joinPeer(proxy);
    const serve = (socket: Socket) => socket.on("error", () => {}).end("hello");
    echo = createServer(serve).listen(0, "127.0.0.1");
    await once(echo, "listening");
    const leaf = await issueCertificate(await testAuthority(), ["*.example.test"]);
    tlsEcho = createTlsServer({ cert: leaf.certificate, key: leaf.key }, serve).listen(0, "127.0.0.1");
    await once(tlsEcho, "listening");
    const mappings: management.ProxyMapping[] = [];
    for (const mode of ["tcp", "tls"] as const) {
      for (const [name, restrictions] of Object.entries({ enforced, observed })) {
        const id = `${mode}-${name}`;
        ports[id] = await freePort("tcp");
        const { port } = (mode === "tcp" ? echo : tlsEcho).address() as AddressInfo;
        mappings.push(relay(id, mode, ports[id], port, restrictions));
      }
    }
    await proxy.management.apply(...mappings);
    await until(
      () => mappings.every(({ id }) => proxy.management.report(id)?.targets[0]?.reason === ""),
      "the targets to be reachable",
    );
  });
  suiteTeardown(async () => {
    echo.close();
    tlsEcho.close();
    await peer.tunnel.close();
    await proxy.close();
    api.stop();
  });

  function relay(
    id: string,
    mode: string,
    listenPort: number,
    port: number,
    restrictions: object,
  ): management.ProxyMapping {
    const target = { target: `${PEER}:${port}`, options: { directUpstream: false } };
    return httpService(id, `${id}.example.test`, [target], {
      mode,
      listenPort,
      accessRestrictions: management.AccessRestrictions.fromPartial(restrictions as never),
    });
  }

  /** What a client with this address gets; the PROXY header is a balancer's. */
  async function visit(id: string, address: string): Promise<string> {
    const socket = connect({ host: "127.0.0.1", port: ports[id]! });
    socket.on("error", () => {});
    const family = address.includes(":") ? "TCP6" : "TCP4";
    const local = address.includes(":") ? "::1" : "127.0.0.1";
    await once(socket, "connect");
    socket.write(`PROXY ${family} ${address} ${local} 40000 ${ports[id]}\r\n`);
    const stream = id.startsWith("tls")
      ? connectTls({ socket, servername: `${id}.example.test`, ca: proxy.ca })
      : socket;
    stream.on("error", () => {});
    let text = "";
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    // A refusal is an error to TLS: once() would throw it.
    await new Promise((resolve) => stream.once("close", resolve));
    return text;
  }

  test("a connection stays when other addresses are shut out, and ends with its own", async () => {
    const quiet = createServer((socket) => socket.on("error", () => {}).write("hello"));
    await once(quiet.listen(0, "127.0.0.1"), "listening");
    const { port } = quiet.address() as AddressInfo;
    ports["tcp-held"] = await freePort("tcp");
    const publish = (...blockedCidrs: string[]) =>
      proxy.management.apply(relay("tcp-held", "tcp", ports["tcp-held"]!, port, { blockedCidrs }));
    await publish("192.0.2.0/24");
    const socket = connect({ host: "127.0.0.1", port: ports["tcp-held"]! });
    socket.write(`PROXY TCP4 ${DUTCH} 127.0.0.1 40000 ${ports["tcp-held"]}\r\n`);
    try {
      await once(socket, "data");
      let closed = false;
      socket.on("error", () => {});
      socket.on("close", () => {
        closed = true;
      });
      await publish("192.0.2.0/24", `${BLOCKED}/32`);
      await publish("192.0.2.0/24", `${ELSEWHERE}/32`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      assert.equal(closed, false);
      await publish(`${DUTCH}/32`);
      await until(() => closed, "the end of the connection");
    } finally {
      socket.destroy();
      quiet.close();
    }
  });

  test("weakness 23: behind a PROXY header too, a client may end its side and still get the answer", async () => {
    const counting = createServer({ allowHalfOpen: true }, (socket) => {
      let bytes = 0;
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      socket.on("end", () => socket.end(`${bytes} bytes`));
    });
    await once(counting.listen(0, "127.0.0.1"), "listening");
    ports["tcp-half"] = await freePort("tcp");
    const { port } = counting.address() as AddressInfo;
    await proxy.management.apply(relay("tcp-half", "tcp", ports["tcp-half"], port, {}));
    const socket = connect({ host: "127.0.0.1", port: ports["tcp-half"], allowHalfOpen: true });
    socket.end(`PROXY TCP4 ${DUTCH} 127.0.0.1 40000 ${ports["tcp-half"]}\r\nhello`);
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    try {
      await once(socket, "end");
      assert.equal(text, "5 bytes");
    } finally {
      socket.destroy();
      counting.close();
    }
  });

  const logged = (id: string, address: string) =>
    proxy.management.accessLogs.find(({ serviceId, sourceIp }) => serviceId === id && sourceIp === address);

  for (const mode of ["tcp", "tls"]) {
    test(`${mode}: the client's address from the PROXY header decides: ranges, countries, CrowdSec, IPv6`, async () => {
      const id = `${mode}-enforced`;
      for (const [address, verdict] of [
        [DUTCH, ""],
        ["2001:67c:2e8:22::c100:68b", ""],
        [BLOCKED, "ip_restricted"],
        ["2001:67c:2e8:99::1", "ip_restricted"],
        [ELSEWHERE, "country_restricted"],
        ["10.0.0.1", "country_restricted"],
        [BANNED, "crowdsec_ban"],
        // Nobody can sign in here.
        [SUSPECTED, "crowdsec_captcha"],
      ] as const) {
        assert.equal(await visit(id, address), verdict === "" ? "hello" : "", address);
        // One denial of a kind is logged in ten seconds.
        if (address === "10.0.0.1" || address === "2001:67c:2e8:99::1") continue;
        await until(() => logged(id, address), `the log of ${address}`);
        const entry = logged(id, address)!;
        assert.deepEqual([entry.authMechanism, entry.protocol], [verdict, mode]);
        assert.deepEqual(
          entry.metadata,
          verdict.startsWith("crowdsec_") ? { crowdsec_verdict: verdict } : {},
        );
      }
    });

    test(`${mode}: what is only observed passes, and one entry says all that was found`, async () => {
      const id = `${mode}-observed`;
      for (const [address, metadata] of [
        [DUTCH, {}],
        [BLOCKED, { cidr_verdict: "ip_restricted", cidr_mode: "observe" }],
        [ELSEWHERE, { country_verdict: "country_restricted", country_mode: "observe" }],
        [BANNED, { crowdsec_verdict: "crowdsec_ban", crowdsec_mode: "observe" }],
      ] as const) {
        assert.equal(await visit(id, address), "hello", address);
        await until(() => logged(id, address), `the log of ${address}`);
        assert.deepEqual(logged(id, address)!.metadata, metadata, address);
        assert.equal(logged(id, address)!.authMechanism, "");
      }
    });
  }

  test("udp: the sender's own address decides, and what is only observed passes", async () => {
    const target = createSocket("udp4");
    target.on("message", (datagram, from) => target.send(datagram, from.port, from.address));
    target.bind(0, "127.0.0.1");
    await once(target, "listening");
    const clients = new Map<string, { socket: ReturnType<typeof createSocket>; heard: string[] }>();
    for (const address of ["127.0.0.2", "127.0.0.3", "127.0.0.4"]) {
      const socket = createSocket("udp4").bind(0, address);
      await once(socket, "listening");
      const heard: string[] = [];
      socket.on("message", (datagram) => heard.push(datagram.toString()));
      clients.set(address, { socket, heard });
    }
    const targetPort = (target.address() as AddressInfo).port;
    const restrictions = { blockedCidrs: ["127.0.0.2/32"], crowdsecMode: "enforce" };
    const closed = await freePort("udp");
    const watched = await freePort("udp");
    await proxy.management.apply(
      relay("udp-enforced", "udp", closed, targetPort, restrictions),
      relay("udp-observed", "udp", watched, targetPort, {
        observed: { blockedCidrs: restrictions.blockedCidrs },
        crowdsecMode: "observe",
      }),
    );
    const say = (port: number, text: string) => {
      for (const { socket } of clients.values()) socket.send(text, port, "127.0.0.1");
    };
    try {
      say(closed, "closed");
      await until(() => clients.get("127.0.0.4")!.heard.includes("closed"), "the one who may");
      await until(() => logged("udp-enforced", "127.0.0.2") && logged("udp-enforced", "127.0.0.3"));
      assert.equal(logged("udp-enforced", "127.0.0.2")!.authMechanism, "ip_restricted");
      assert.equal(logged("udp-enforced", "127.0.0.3")!.authMechanism, "crowdsec_ban");
      say(watched, "watched");
      for (const { heard } of clients.values()) await until(() => heard.includes("watched"));
      for (const address of ["127.0.0.2", "127.0.0.3"]) {
        assert.ok(!clients.get(address)!.heard.includes("closed"), address);
      }
      // A flow is logged at its end; taking the service away ends it.
      await proxy.management.apply(relay("udp-observed", "udp", await freePort("udp"), targetPort, {}));
      await until(() => logged("udp-observed", "127.0.0.2") && logged("udp-observed", "127.0.0.3"));
      assert.equal(logged("udp-observed", "127.0.0.2")!.metadata.cidr_verdict, "ip_restricted");
      assert.equal(logged("udp-observed", "127.0.0.3")!.metadata.crowdsec_verdict, "crowdsec_ban");
    } finally {
      for (const { socket } of clients.values()) socket.close();
      target.close();
    }
  });

  test("refusals and observations of all modes are counted", async () => {
    const text = await proxy.app.metrics.registry.metrics();
    for (const [restriction, verdict, mode] of [
      ["cidr", "ip_restricted", "enforce"],
      ["cidr", "ip_restricted", "observe"],
      ["country", "country_restricted", "enforce"],
      ["country", "country_restricted", "observe"],
      ["crowdsec", "crowdsec_ban", "enforce"],
      ["crowdsec", "crowdsec_ban", "observe"],
    ]) {
      assert.ok(
        text.includes(
          `proxy_restrictions_total{restriction="${restriction}",verdict="${verdict}",mode="${mode}"}`,
        ),
        `${restriction} ${mode}`,
      );
    }
  });
});
