import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { status as grpcStatus, ServerCredentials } from "@grpc/grpc-js";
import { createTunnel, keyToBase64, publicKeyOf } from "@netbird-proxy/tunnel";
import { createAuthority, issueCertificate } from "../../scripts/stack/local-ca.ts";
import { type Agent, type AgentPorts, startAgent } from "../src/app.ts";
import { type AgentConfig, ConfigError } from "../src/config.ts";
import { RefusedError } from "../src/control/control.ts";
import { identityPath, loadIdentity } from "../src/state/identity.ts";
import { lastStatePath } from "../src/state/last-state.ts";
import { StateError } from "../src/state/state-error.ts";
import { type CapturedLog, captureLog } from "./support/captured-log.ts";
import { eventually } from "./support/eventually.ts";
import { TestProxy } from "./support/test-proxy.ts";
import { World } from "./support/world.ts";

/** The world with agents of this process in it, stopped after the test. */
class AgentWorld extends World {
  readonly #agents: Agent[] = [];
  log: CapturedLog = captureLog();

  config(changes: Partial<AgentConfig> = {}): AgentConfig {
    const { port, url } = this.management;
    return {
      management: { url, target: `127.0.0.1:${port}`, tls: false, loopback: true },
      setupKey: "SETUP-KEY",
      name: "web",
      stateDir: this.stateDir,
      logLevel: "debug",
      ...changes,
    };
  }

  async start(changes: Partial<AgentConfig> = {}, ports: Partial<AgentPorts> = {}): Promise<Agent> {
    this.log = captureLog();
    const started = await startAgent(this.config(changes), {
      ...ports,
      log: this.log.log,
      openTunnel: () => createTunnel({ bindAddresses: ["127.0.0.1"] }),
    });
    this.#agents.push(started);
    this.admitAgent();
    return started;
  }

  override async close(): Promise<void> {
    for (const started of this.#agents) await started.stop();
    await super.close();
  }
}

suite("the agent as a whole", () => {
  let world: AgentWorld;
  setup(async () => {
    world = new AgentWorld();
    await world.open();
  });
  teardown(async () => {
    await world.close();
  });

  test("joins, connects to the proxy, and the proxy reaches a service on this host's loopback", async () => {
    const { management, log } = world;
    const agent = await world.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    assert.equal(await world.get("/a"), "hello from /a");
    const [enrolment] = management.enrolled;
    assert.equal(enrolment?.setupKey, "SETUP-KEY");
    assert.equal(enrolment?.name, "web");
    assert.equal(enrolment?.publicKey, agent.status().public_key);
    assert.deepEqual(management.hellos[0]?.token, "nba_1");
    assert.notEqual(log, world.log);
    assert.deepEqual(
      world.log.named("joined").map(({ peer_id, address }) => ({ peer_id, address })),
      [{ peer_id: "peer-1", address: "100.64.0.5" }],
    );
    assert.equal(world.log.named("connected")[0]?.proxy_id, "proxy-1");
  });

  test("tells the server about handshakes soon after they happen", async () => {
    const { management } = world;
    await world.start();
    await eventually("a report with a handshake", () =>
      management.reports.some(({ links }) => (links[0]?.latestHandshakeUnixSeconds ?? 0n) > 0n),
    );
    const report = management.reports.at(-1);
    assert.equal(report?.links[0]?.proxyPeerId, "proxy-peer-1");
    assert.ok(Math.abs(Number(report?.links[0]?.latestHandshakeUnixSeconds) - Date.now() / 1000) < 5);
  });

  test("with an identity on disk the setup key is not spent again", async () => {
    const first = await world.start();
    await eventually("the first state", () => first.status().address !== "");
    await first.stop();
    const second = await world.start({ setupKey: undefined });
    await eventually("the second stream", () => second.status().management.connected);
    assert.equal(world.management.enrolled.length, 1);
    assert.equal(second.status().public_key, first.status().public_key);
    assert.equal(second.status().peer_id, "peer-1");
  });

  test("without identity and setup key it does not start", async () => {
    await assert.rejects(world.start({ setupKey: undefined }), (error: Error) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /NB_SETUP_KEY.*--state-dir/);
      return true;
    });
    assert.equal(existsSync(identityPath(world.stateDir)), false);
  });

  for (const [code, grpc] of [
    ["setup_key.not_found", grpcStatus.NOT_FOUND],
    ["setup_key.expired", grpcStatus.PERMISSION_DENIED],
    ["setup_key.revoked", grpcStatus.PERMISSION_DENIED],
    ["setup_key.overused", grpcStatus.PERMISSION_DENIED],
  ] as const) {
    test(`${code} ends the agent with the server's message and hint`, async () => {
      world.management.refuseEnroll = { grpc, code, message: `no: ${code}`, hint: "Make a new setup key." };
      const agent = await world.start();
      await assert.rejects(agent.finished, (error: Error) => {
        assert.ok(error instanceof RefusedError);
        assert.equal(error.code, code);
        assert.equal(error.message, `no: ${code}. Make a new setup key.`);
        return true;
      });
      assert.equal(world.management.enrolled.length, 1);
    });
  }

  test("a server that cannot be reached is waited for, and said so", async () => {
    world.management.stop();
    const agent = await world.start();
    await eventually(
      "the line",
      () => world.log.named("waiting for the management server to join").length > 0,
    );
    const line = world.log.named("waiting for the management server to join")[0];
    assert.equal(line?.management_url, world.management.url);
    assert.match(String(line?.why), /ECONNREFUSED/);
    assert.match(agent.status().management.last_error, /ECONNREFUSED/);
    await world.management.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    assert.equal(await world.get("/late"), "hello from /late");
  });

  test("a server with a certificate of a private CA is joined over TLS once that CA is trusted, not before", async () => {
    const authority = await createAuthority("agent test CA");
    const leaf = await issueCertificate(authority, ["localhost"]);
    world.management.stop();
    const pair = { private_key: Buffer.from(leaf.key), cert_chain: Buffer.from(leaf.certificate) };
    await world.management.start(ServerCredentials.createSsl(null, [pair]));
    const management = {
      ...world.config().management,
      target: `localhost:${world.management.port}`,
      tls: true,
    };
    const wary = await world.start({ management });
    await eventually("the hint", () => /--ca-file/.test(wary.status().management.last_error));
    await wary.stop();
    assert.equal(world.management.enrolled.length, 0);
    const agent = await world.start({ management: { ...management, extraCa: authority.certificate } });
    await eventually("the link", () => agent.status().proxies[0]?.connected);
  });

  test("a server in trouble is asked again, and the key that it may have enrolled is the one on disk", async () => {
    world.management.refuseEnroll = { grpc: grpcStatus.INTERNAL, message: "database is locked" };
    const agent = await world.start();
    await eventually("several attempts", () => world.management.enrolled.length >= 3);
    const keys = new Set(world.management.enrolled.map(({ publicKey }) => publicKey));
    assert.deepEqual([...keys], [keyToBase64(publicKeyOf(loadIdentity(world.stateDir)!.privateKey))]);
    world.management.refuseEnroll = undefined;
    await eventually("the link", () => agent.status().proxies[0]?.connected);
  });

  test("starts with the last known state while the server is down, and traffic flows", async () => {
    const first = await world.start();
    await eventually("the link", () => first.status().proxies[0]?.connected);
    await first.stop();
    world.management.stop();
    const second = await world.start({ setupKey: undefined });
    await eventually("the link", () => second.status().proxies[0]?.connected);
    assert.equal(await world.get("/offline"), "hello from /offline");
    assert.equal(second.status().management.connected, false);
    await world.management.start();
    await eventually("the stream", () => second.status().management.connected);
  });

  test("goes on serving while the server restarts, and comes back to it", async () => {
    const agent = await world.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    world.management.stop();
    await eventually("the loss", () => !agent.status().management.connected);
    assert.equal(await world.get("/meanwhile"), "hello from /meanwhile");
    await world.management.start();
    await eventually("the stream", () => agent.status().management.connected);
    assert.equal(world.management.enrolled.length, 1);
  });

  test("a damaged last state is only a slower start", async () => {
    const first = await world.start();
    await eventually("the link", () => first.status().proxies[0]?.connected);
    await first.stop();
    writeFileSync(lastStatePath(world.stateDir), "{");
    const second = await world.start();
    await eventually("the link", () => second.status().proxies[0]?.connected);
    assert.equal(world.log.named("the last known state cannot be used; waiting for the server's").length, 1);
  });

  test("a damaged identity stops the agent and is left as it is", async () => {
    writeFileSync(identityPath(world.stateDir), "{}");
    await assert.rejects(world.start(), StateError);
    assert.equal(readFileSync(identityPath(world.stateDir), "utf8"), "{}");
    assert.equal(world.management.enrolled.length, 0);
    // And it lets go of the folder.
    writeFileSync(identityPath(world.stateDir), "");
    await assert.rejects(world.start(), /damaged/);
  });

  test("a deleted peer stops serving, and without a setup key it stops for good", async () => {
    const first = await world.start();
    await eventually("the link", () => first.status().proxies[0]?.connected);
    await first.stop();
    const agent = await world.start({ setupKey: undefined });
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    world.management.deletePeer();
    await assert.rejects(agent.finished, (error: Error) => {
      assert.ok(error instanceof RefusedError);
      assert.match(error.message, /peer-1.*deleted.*--setup-key/);
      return true;
    });
    assert.equal(existsSync(lastStatePath(world.stateDir)), false);
    assert.equal(existsSync(identityPath(world.stateDir)), true);
  });

  test("a deleted peer with a setup key joins again with the same key", async () => {
    const agent = await world.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    const publicKey = agent.status().public_key;
    world.management.deletePeer();
    await eventually("the second enrolment", () => world.management.enrolled.length === 2);
    await eventually("the stream", () => agent.status().management.connected);
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    assert.equal(world.management.enrolled[1]?.publicKey, publicKey);
    assert.equal(loadIdentity(world.stateDir)?.membership?.token, "nba_2");
  });

  test("what no rule allows looks different from a port where nothing listens", async () => {
    const agent = await world.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    const dial = (port: number) =>
      world.proxy.device.dialTcp({ host: "100.64.0.5", port }, { timeoutMs: 5_000 });
    await assert.rejects(dial(1), { code: "EHOSTUNREACH" });
    world.management.push(
      world.state({
        revision: 8n,
        rules: [
          {
            destination: "100.64.0.0/16",
            protocol: "tcp",
            portFirst: 1,
            portLast: 1,
            sources: ["0.0.0.0/0"],
          },
        ],
      }),
    );
    await eventually("the new rules", () => agent.status().revision === "8");
    await assert.rejects(dial(1), { code: "ECONNREFUSED" });
    await assert.rejects(world.get("/"), { code: "EHOSTUNREACH" });
  });

  test("a routing peer reaches a network and a name behind it", async () => {
    const rule = (destination: string) => ({
      destination,
      protocol: "tcp",
      portFirst: world.servicePort,
      portLast: world.servicePort,
      sources: ["100.64.0.9/32"],
    });
    // The proxy's side of both: 127.0.0.0/8 stands for a network behind the agent.
    world.management.state = world.state({
      routes: [
        { resourceId: "net", prefix: "127.0.0.0/8", domain: "" },
        { resourceId: "name", prefix: "100.64.200.1/32", domain: "db.internal" },
      ],
      rules: [rule("127.0.0.1/32"), rule("100.64.200.1/32")],
    });
    const agent = await world.start({}, { lookup: async () => ["127.0.0.1"] });
    world.proxy.admit(agent.status().public_key, ["100.64.0.5/32", "100.64.200.0/24", "127.0.0.0/8"]);
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    assert.equal(await world.get("/subnet", "127.0.0.1"), "hello from /subnet");
    assert.equal(await world.get("/name", "100.64.200.1"), "hello from /name");
    assert.equal(agent.status().routes[1]?.domain, "db.internal");
  });

  test("datagrams go both ways, and a large one survives the tunnel", async () => {
    const echo = createSocket("udp4");
    echo.on("message", (datagram, from) => echo.send(datagram, from.port, from.address));
    await new Promise<void>((resolve) => echo.bind(0, "127.0.0.1", resolve));
    const { port } = echo.address();
    world.management.state = world.state({
      rules: [
        {
          destination: "100.64.0.5/32",
          protocol: "udp",
          portFirst: port,
          portLast: port,
          sources: ["100.64.0.9/32"],
        },
      ],
    });
    const agent = await world.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    const socket = await world.proxy.device.dialUdp({ host: "100.64.0.5", port });
    const received: number[] = [];
    socket.onMessage((datagram) => received.push(datagram.length));
    socket.send(Buffer.alloc(10));
    socket.send(Buffer.alloc(1_392));
    await eventually("both answers", () => received.length === 2);
    assert.deepEqual(
      received.sort((a, b) => a - b),
      [10, 1_392],
    );
    assert.equal(agent.status().flows, 1);
    socket.close();
    echo.close();
  });

  test("follows proxies that come and go", async () => {
    const second = new TestProxy();
    await second.start();
    const agent = await world.start();
    second.admit(agent.status().public_key);
    await eventually("the first link", () => agent.status().proxies[0]?.connected);
    const handshake = agent.status().proxies[0]?.latest_handshake;
    const added = second.describe({ proxyId: "proxy-2", peerId: "p2", allowedIps: ["100.64.0.10/32"] });
    world.management.push(world.state({ proxies: [world.proxy.describe(), added] }));
    await eventually(
      "both links",
      () => agent.status().proxies.filter(({ connected }) => connected).length === 2,
    );
    assert.equal(agent.status().proxies[0]?.latest_handshake, handshake, "the first session went on");
    world.management.push(world.state({ proxies: [added] }));
    await eventually("the first to go", () => agent.status().proxies.length === 1);
    assert.equal(agent.status().proxies[0]?.proxy_id, "proxy-2");
    assert.equal(agent.status().proxies[0]?.connected, true);
    await second.stop();
  });

  test("a proxy that crashes and comes back is found again by itself", async () => {
    const agent = await world.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    // The first sign of life, so that later silence means something.
    await eventually("traffic", async () => (await world.get("/before")) !== "");
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await world.proxy.stop();
    await world.proxy.start(agent.status().public_key);
    await eventually("traffic", async () => (await world.get("/after")) === "hello from /after", 10_000);
    assert.equal(world.log.named("the proxy stopped answering; reconnecting").length, 1);
  });

  test("a second agent in the same folder is turned away, and the first goes on", async () => {
    const agent = await world.start();
    await eventually("the link", () => agent.status().proxies[0]?.connected);
    await assert.rejects(
      startAgent(world.config(), { log: captureLog().log }),
      /already running.*--state-dir/,
    );
    assert.equal(await world.get("/still"), "hello from /still");
  });
});
