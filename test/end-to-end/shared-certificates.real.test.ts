import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { startBackend } from "../../proxy/test/support/backend.ts";
import { get } from "../../proxy/test/support/client.ts";
import { type ScriptedManagement, until } from "../../proxy/test/support/management-server.ts";
import { Pebble } from "../../proxy/test/support/pebble.ts";
import { TestProxy } from "../../proxy/test/support/proxy.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import {
  CLUSTER,
  type ControlPlane,
  directTarget,
  startControlPlane,
} from "../../server/test/support/control-plane.ts";

const SECRET = "0123456789abcdef-of-the-cluster";

suite("certificates of a cluster, through the server", function () {
  this.timeout(180_000);
  let plane: ControlPlane;
  let pebble: Pebble;
  let httpPort: number;
  const balancers: Server[] = [];
  const proxies: TestProxy[] = [];
  const closing: (() => unknown)[] = [];

  setup(async () => {
    plane = await startControlPlane();
    const tlsPort = await balance(({ port }) => port);
    httpPort = await balance(({ app }) => app.listening.redirectPort!);
    pebble = await new Pebble({ tlsPort, httpPort, nonceRejectPercent: 20 }).start();
  });

  /** Leads to any of the proxies, as with round-robin DNS: mostly not to the one that orders. @returns the port */
  async function balance(portOf: (proxy: TestProxy) => number): Promise<number> {
    const balancer = createServer((socket) => {
      const alive = proxies.filter((proxy) => proxy.running);
      const to = connect(portOf(alive[Math.floor(Math.random() * alive.length)]!), "127.0.0.1");
      socket.on("error", () => to.destroy()).pipe(to);
      to.on("error", () => socket.destroy()).pipe(socket);
    });
    const port = await freePort("tcp");
    await new Promise<void>((resolve) => balancer.listen(port, "127.0.0.1", resolve));
    balancers.push(balancer);
    return port;
  }

  teardown(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
    for (const step of closing.splice(0)) await step();
    for (const balancer of balancers.splice(0)) balancer.close();
    pebble.close();
    await plane.close();
  });

  async function startProxy(env: Record<string, string> = {}): Promise<TestProxy> {
    const management = { port: Number(plane.target.split(":")[1]), stop() {} } as ScriptedManagement;
    const proxy = new TestProxy(management, {
      NB_PROXY_TOKEN: await plane.token(),
      NB_PROXY_DOMAIN: CLUSTER,
      NB_PROXY_ACME_CERTIFICATES: "true",
      NB_PROXY_ACME_DIRECTORY: pebble.directoryUrl,
      NB_PROXY_ACME_CA_FILE: pebble.caFile,
      NB_PROXY_CLUSTER_SECRET: SECRET,
      ...env,
    });
    proxies.push(proxy);
    await proxy.start();
    return proxy.synchronised();
  }

  const ready = (proxy: TestProxy) => proxy.app.acme.certificates!.counts.ready;
  const issued = () =>
    proxies.flatMap(({ logLines }) =>
      logLines.filter(({ msg }) => msg === "certificate issued").map(({ domain }) => String(domain)),
    );

  const types = { "tls-alpn-01": {}, "http-01": { NB_PROXY_ACME_CHALLENGE_TYPE: "http-01" } };
  const runs = Object.entries(types).flatMap(([type, env]) => [1, 3].map((count) => ({ type, env, count })));
  for (const { type, env, count } of runs) {
    test(`weaknesses 27 and 28: ${count} proxies: a hundred names are each ordered once with ${type}`, async () => {
      const start = () => startProxy({ ...env, NB_PROXY_ACME_ADDRESS: "127.0.0.1:0" });
      await Promise.all(Array.from({ length: count }, start));
      const names = Array.from({ length: 100 }, (_, at) => `n${at}`);
      for (const name of names) await plane.service(name);
      await until(() => proxies.every((proxy) => ready(proxy) === 100), "certificates everywhere", 120_000);
      // The last line comes a moment after its certificate serves.
      await until(() => issued().length >= 100, "the log");
      assert.equal(pebble.orders, 100);
      assert.deepEqual(issued().sort(), names.map((name) => `${name}.${CLUSTER}`).sort());
    });
  }

  test("a proxy that comes later serves with what exists, and the server cannot read it", async () => {
    await Promise.all([startProxy(), startProxy(), startProxy()]);
    const backend = await startBackend((_request, response) => response.end("hello"));
    closing.push(() => backend.close());
    const names = Array.from({ length: 20 }, (_, at) => `n${at}`);
    const port = Number(new URL(backend.url).port);
    for (const name of names) await plane.service(name, { targets: [directTarget({ port })] });
    await until(() => proxies.every((proxy) => ready(proxy) === 20), "certificates everywhere", 90_000);
    assert.equal(pebble.orders, 20);
    assert.deepEqual(issued().sort(), names.map((name) => `${name}.${CLUSTER}`).sort());

    // One more comes later: it serves with what exists.
    const late = await startProxy();
    await until(() => ready(late) === 20, "certificates on the new proxy", 20_000);
    assert.equal(pebble.orders, 20);
    const host = `n7.${CLUSTER}`;
    assert.equal((await get({ port: late.port, ca: await pebble.roots(), host })).body, "hello");

    // The server has only what it cannot read, under one more seal.
    const rows = await plane.store.db("shared_certificates");
    assert.equal(rows.length, 20);
    for (const { sealed_bundle } of rows) {
      const opened = Buffer.from(plane.store.secrets.open(sealed_bundle, "shared certificate"), "base64");
      assert.doesNotMatch(opened.toString("latin1"), /PRIVATE KEY/);
    }
    // All orders were made with one account.
    assert.equal((await plane.store.db("acme_accounts")).length, 1);
    const file = (proxy: TestProxy) =>
      readFileSync(join(proxy.certificateDirectory, "acme", `${host}.pem`), "utf8");
    assert.equal(file(late), file(proxies[0]!));
  });

  test("a proxy that goes away in the middle of an order does not leave the name stuck", async () => {
    const dying = await startProxy();
    await plane.service("stuck");
    await until(() => dying.app.acme.certificates!.inFlight > 0, "the order", 20_000);
    await dying.stop();
    plane.clock.aheadMs += 61_000;
    const next = await startProxy();
    await until(() => ready(next) === 1, "the certificate", 60_000);
  });

  test("the server goes away in the middle of the orders, comes back, and every name is issued", async () => {
    const proxy = await startProxy();
    for (let at = 0; at < 6; at++) await plane.service(`r${at}`);
    await until(() => proxy.app.acme.certificates!.inFlight > 0, "an order", 20_000);
    await plane.restart();
    await until(() => ready(proxy) === 6, "all certificates", 90_000);
  });
});
