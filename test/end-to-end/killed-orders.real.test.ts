import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pebble } from "../../proxy/test/support/pebble.ts";
import { Api } from "../../scripts/stack/api.ts";
import { type Child, waitFor } from "../../scripts/stack/child.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import { startProxy, startServer } from "../../scripts/stack/programs.ts";

const DOMAIN = "eu.example.test";
const NAMES = 12;

interface ServiceBody {
  id: string;
  domain: string;
  meta: { certificate?: { source: string }; status_reason?: { code: string } };
}

/** The programs themselves, so that SIGKILL leaves what it leaves. */
suite("programs that are killed in the middle of orders", function () {
  this.timeout(240_000);
  let folder: string;
  let pebble: Pebble;
  let balancer: Server;
  let server: Child;
  let serverPort: number;
  let api: Api;
  let proxyToken: string;
  let logs = 0;
  const proxies: { child: Child; port: number }[] = [];

  const runServer = () => {
    server = startServer({
      port: serverPort,
      stateDir: join(folder, "server"),
      logFile: join(folder, `server-${logs++}.log`),
      env: { NB_SERVER_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64") },
    });
    return waitFor("the server", () => new Api(`http://127.0.0.1:${serverPort}`).call("GET", "/instance"));
  };

  async function runProxy(): Promise<{ child: Child; port: number }> {
    const port = await freePort("tcp");
    const at = join(folder, `proxy-${logs++}`);
    const child = startProxy({
      domain: DOMAIN,
      managementUrl: `http://127.0.0.1:${serverPort}`,
      token: proxyToken,
      httpsPort: port,
      healthPort: await freePort("tcp"),
      wireguardPort: await freePort("udp"),
      stateDir: join(at, "state"),
      certificateDir: join(at, "certs"),
      logFile: `${at}.log`,
      env: {
        NB_PROXY_ACME_CERTIFICATES: "true",
        NB_PROXY_ACME_DIRECTORY: pebble.directoryUrl,
        NB_PROXY_ACME_CA_FILE: pebble.caFile,
        NB_PROXY_ACME_MAX_ORDERS: "4",
        NB_PROXY_CLUSTER_SECRET: "0123456789abcdef-of-the-cluster",
      },
    });
    const proxy = { child, port };
    proxies.push(proxy);
    return proxy;
  }

  setup(async () => {
    folder = mkdtempSync(join(tmpdir(), "killed-orders-"));
    balancer = createServer((socket) => {
      const to = connect(proxies[Math.floor(Math.random() * proxies.length)]!.port, "127.0.0.1");
      socket.on("error", () => to.destroy()).pipe(to);
      to.on("error", () => socket.destroy()).pipe(socket);
    });
    const tlsPort = await freePort("tcp");
    await new Promise<void>((resolve) => balancer.listen(tlsPort, "127.0.0.1", resolve));
    pebble = await new Pebble({ tlsPort }).start();
    serverPort = await freePort("tcp");
    await runServer();
    const anonymous = new Api(`http://127.0.0.1:${serverPort}`);
    const { personal_access_token: token } = await anonymous.call<{ personal_access_token: string }>(
      "POST",
      "/setup",
      { email: "a@example.com", name: "A", password: "correct horse", create_pat: true },
    );
    api = new Api(`http://127.0.0.1:${serverPort}`, token);
    const made = await api.call<{ plain_token: string }>("POST", "/reverse-proxies/proxy-tokens", {
      name: "p",
    });
    proxyToken = made.plain_token;
  });
  teardown(async () => {
    for (const { child } of proxies.splice(0)) await child.kill();
    await server.kill();
    balancer.close();
    pebble.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function publish(): Promise<void> {
    await waitFor(
      "the cluster",
      async () => (await api.call<unknown[]>("GET", "/reverse-proxies/domains"))[0],
    );
    for (let n = 0; n < NAMES; n += 1) {
      await api.call("POST", "/reverse-proxies/services", {
        name: `s${n}`,
        domain: `s${n}.${DOMAIN}`,
        enabled: true,
        public: true,
        targets: [
          {
            target_id: DOMAIN,
            target_type: "cluster",
            host: "127.0.0.1",
            protocol: "http",
            port: 9,
            path: "/",
            enabled: true,
            options: { direct_upstream: true },
          },
        ],
      });
    }
  }
  const underWay = () => waitFor("an order under way", () => pebble.orders >= 2 || undefined, { everyMs: 5 });
  /** Every proxy that runs has every certificate, by the server's word. */
  const allIssued = () =>
    waitFor(
      "every certificate",
      async () => {
        const services = await api.call<ServiceBody[]>("GET", "/reverse-proxies/services");
        const issued = services.filter(({ meta }) => meta.certificate?.source === "acme");
        return issued.length === NAMES || undefined;
      },
      { timeoutMs: 150_000, everyMs: 250 },
    );

  test("a proxy: another one of the cluster finishes them, and it when it is back orders nothing again", async () => {
    const { child } = await runProxy();
    await publish();
    await underWay();
    await child.kill();
    proxies.length = 0;
    // What the dead one was at is free again after a minute.
    await runProxy();
    await allIssued();
    const { orders } = pebble;
    assert.ok(orders <= NAMES + 4, `${orders} orders for ${NAMES} names, of which 4 could be under way`);
    await runProxy();
    await allIssued();
    assert.equal(pebble.orders, orders);
  });

  test("the server: the proxy goes on when it is back", async () => {
    await runProxy();
    await publish();
    await underWay();
    await server.kill();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await runServer();
    await allIssued();
    assert.ok(pebble.orders <= NAMES + 4, `${pebble.orders} orders`);
  });
});
