import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { status as grpcStatus } from "@grpc/grpc-js";
import type { AgentStatus } from "../src/status/agent-status.ts";
import { AgentProcess } from "./support/agent-process.ts";
import { eventually } from "./support/eventually.ts";
import { World } from "./support/world.ts";

suite("the agent as a process", () => {
  let world: World;
  const processes: AgentProcess[] = [];
  setup(async () => {
    world = new World();
    await world.open();
  });
  teardown(async () => {
    for (const started of processes.splice(0)) await started.stop("SIGKILL");
    await world.close();
  });

  function run(args: string[], env: Record<string, string> = {}): AgentProcess {
    const started = new AgentProcess(args, { NB_STATE_DIR: world.stateDir, ...env });
    processes.push(started);
    return started;
  }

  async function up(env: Record<string, string> = { NB_SETUP_KEY: "SETUP-KEY" }): Promise<AgentProcess> {
    const started = run(["up", "--management-url", world.management.url, "--name", "web"], env);
    await eventually("an identity", () => {
      world.admitAgent();
      return true;
    });
    return started;
  }

  async function traffic(): Promise<void> {
    await eventually("traffic", async () => (await world.get("/x")) === "hello from /x", 5_000);
  }

  test("says when it has joined and when a proxy is connected, one JSON line each", async () => {
    const agent = await up();
    await eventually("the connection", () => agent.lines("connected").length === 1);
    const [joined] = agent.lines("joined");
    assert.equal(joined?.peer_id, "peer-1");
    assert.equal(joined?.address, "100.64.0.5");
    assert.equal(joined?.level, "info");
    assert.equal(agent.lines("connected")[0]?.proxy_id, "proxy-1");
    for (const secret of ["SETUP-KEY", "nba_"]) assert.equal(agent.stdout.includes(secret), false, secret);
  });

  test("after kill -9 and a restart traffic flows again", async () => {
    const first = await up();
    await traffic();
    assert.equal(await first.stop("SIGKILL"), "SIGKILL");
    // Its socket is still there, and must not keep the next one from starting.
    assert.deepEqual(readdirSync(world.stateDir).sort(), ["agent.sock", "identity.json", "last-state.json"]);
    await up({});
    await traffic();
    assert.equal(world.management.enrolled.length, 1);
  });

  test("after kill -9 it comes back with the server down, too", async () => {
    const first = await up();
    await traffic();
    await first.stop("SIGKILL");
    world.management.stop();
    const second = await up({});
    await traffic();
    assert.equal(second.lines("started with the last known state").length, 1);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} ends it with 0 and tells the proxy that connections are gone`, async () => {
      const agent = await up();
      await traffic();
      const socket = await world.proxy.device.dialTcp({ host: "100.64.0.5", port: world.servicePort });
      const gone = new Promise((resolve) => socket.once("error", resolve));
      assert.equal(await agent.stop(signal), 0);
      assert.equal(((await gone) as NodeJS.ErrnoException).code, "ECONNRESET");
      assert.equal(agent.stderr, "");
      assert.deepEqual(readdirSync(world.stateDir).sort(), ["identity.json", "last-state.json"]);
    });
  }

  test("a refused setup key ends it with 2 and the remedy on stderr", async () => {
    world.management.refuseEnroll = {
      grpc: grpcStatus.PERMISSION_DENIED,
      code: "setup_key.expired",
      message: "the setup key expired on Monday",
      hint: "Make a new setup key.",
    };
    const agent = await up();
    assert.equal(await agent.exit(), 2);
    assert.equal(agent.stderr, "agent: the setup key expired on Monday. Make a new setup key.\n");
  });

  test("bad configuration ends it with 1 and every problem on stderr", async () => {
    const agent = run(["up"], { NB_MANAGEMENT_URL: "http://example.com", NB_LOG_LEVEL: "loud" });
    assert.equal(await agent.exit(), 1);
    assert.equal(agent.stderr.trim().split("\n").length, 2);
    assert.equal(agent.stdout, "");
  });

  test("status shows the running agent, to people and as JSON; without one it exits with 1", async () => {
    const none = run(["status"]);
    assert.equal(await none.exit(), 1);
    assert.match(none.stderr, /no agent is running.*agent up/);
    await up();
    await traffic();
    const json = run(["status", "--json"]);
    assert.equal(await json.exit(), 0);
    const status = JSON.parse(json.stdout) as AgentStatus;
    assert.equal(status.management.connected, true);
    assert.equal(status.proxies[0]?.connected, true);
    assert.equal(status.address, "100.64.0.5");
    assert.equal(json.stdout.includes("nba_"), false);
    const people = run(["status"]);
    assert.equal(await people.exit(), 0);
    assert.match(people.stdout, /^Peer {8}web, id peer-1\n/);
    assert.match(
      people.stdout,
      /1 of 1 connected\n {2}up {3}proxy-1 at 127\.0\.0\.1:\d+, last handshake \d+ s ago/,
    );
  });

  test("down stops the running agent", async () => {
    const agent = await up();
    await traffic();
    assert.equal(await run(["down"]).exit(), 0);
    assert.equal(await agent.exit(), 0);
    assert.equal(await run(["down"]).exit(), 1);
  });
});
