import assert from "node:assert/strict";
import { createServer, get, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { ScriptedManagement } from "../../proxy/test/support/management-server.ts";
import { Pebble } from "../../proxy/test/support/pebble.ts";
import { TestProxy, testAuthority } from "../../proxy/test/support/proxy.ts";
import { freePort } from "../../scripts/stack/free-port.ts";
import { issueCertificate } from "../../scripts/stack/local-ca.ts";
import { createDnsLookup } from "../../server/src/dns/dns-lookup.ts";
import { type PreflightCheck, preflightChecks } from "../../server/src/domain/preflight.ts";
import { inspectName } from "../../server/src/http/inspect-name.ts";
import { createChallengeProbe } from "../../server/src/net/probe-challenge.ts";
import { Bind9 } from "../../server/test/support/bind9.ts";
import {
  CLUSTER,
  type ControlPlane,
  eventually,
  startControlPlane,
} from "../../server/test/support/control-plane.ts";

suite("checking a name before anything is ordered, with a real proxy, authority and bind9", function () {
  this.timeout(60_000);
  let plane: ControlPlane;
  let pebble: Pebble;
  let bind: Bind9;
  let httpPort: number;
  const proxies: TestProxy[] = [];

  let directory: Server;

  /** Debian's pebble does not say what CAA records have to name; this directory of it does. */
  async function startDirectory(): Promise<Server> {
    const ca = await testAuthority();
    const { certificate, key } = await issueCertificate(ca, ["localhost"]);
    const server = createServer({ cert: certificate, key }, (_request, response) => {
      get(pebble.directoryUrl, { ca: ca.certificate, agent: false }, async (answer) => {
        const { meta, ...urls } = JSON.parse(await text(answer));
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ ...urls, meta: { ...meta, caaIdentities: ["ca.example"] } }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  setup(async () => {
    bind = await new Bind9().start([
      // CAA records are looked for up to the top, which cannot be asked here.
      { name: "net" },
      {
        name: CLUSTER,
        records: [
          "@ A 127.0.0.1",
          "* A 127.0.0.1",
          "far A 127.0.0.77",
          'strict CAA 0 issue "other.example"',
          "strict A 127.0.0.1",
        ],
      },
    ]);
    plane = await startControlPlane({ dnsServers: [bind.address] });
    pebble = await new Pebble({ dnsServer: bind.address }).start();
    httpPort = await freePort("tcp");
    directory = await startDirectory();
  });
  teardown(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
    await plane.close();
    directory.closeAllConnections();
    directory.close();
    pebble.close();
    bind.close();
  });

  async function startProxy(env: Record<string, string> = {}): Promise<TestProxy> {
    const management = { port: Number(plane.target.split(":")[1]), stop() {} } as ScriptedManagement;
    const proxy = new TestProxy(management, {
      NB_PROXY_TOKEN: await plane.token(),
      NB_PROXY_DOMAIN: CLUSTER,
      NB_PROXY_ACME_CERTIFICATES: "true",
      NB_PROXY_ACME_DIRECTORY: `https://localhost:${(directory.address() as AddressInfo).port}/dir`,
      NB_PROXY_ACME_CA_FILE: pebble.caFile,
      NB_PROXY_ACME_ADDRESS: `127.0.0.1:${httpPort}`,
      NB_PROXY_CLUSTER_SECRET: "0123456789abcdef-of-the-cluster",
      ...env,
    });
    proxies.push(proxy);
    await proxy.start();
    await proxy.synchronised();
    await eventually(async () => plane.store.db("proxies").whereNotNull("acme").first());
    return proxy;
  }

  async function check(
    name: string,
    ports: { httpsPort?: number; httpPort?: number },
  ): Promise<PreflightCheck[]> {
    const probe = createChallengeProbe(ports);
    const dns = createDnsLookup([bind.address]);
    return preflightChecks(await inspectName({ context: plane.context, dns, probe }, plane.account, name));
  }
  const failures = (checks: PreflightCheck[]) =>
    checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name} ${code}`);

  test("a name that nobody published yet is answered for with tls-alpn-01, and nothing is ordered", async () => {
    const proxy = await startProxy();
    const checks = await check(`New.${CLUSTER}`, { httpsPort: proxy.port });
    assert.deepEqual(failures(checks), [], JSON.stringify(checks));
    assert.match(checks.at(-2)!.message, /tls-alpn-01 was answered at 127\.0\.0\.1/);
    assert.equal(pebble.orders, 0);
    await eventually(async () => /ca\.example/.test((await plane.store.db("proxies").first("acme")).acme));
    const strict = await check(`strict.${CLUSTER}`, { httpsPort: proxy.port });
    assert.deepEqual(failures(strict), ["caa certificate.caa_forbids"]);
    assert.match(strict.at(-3)!.message, /names other\.example only, and ca\.example is wanted/);
    assert.deepEqual(await plane.store.db("preflight_challenges"), []);
  });

  test("a closed port, another program behind it, and a name that leads elsewhere are told apart", async () => {
    const proxy = await startProxy();
    const closed = await check(`new.${CLUSTER}`, { httpsPort: await freePort("tcp") });
    assert.deepEqual(failures(closed), ["challenge certificate.unreachable"]);
    assert.match(closed.at(-2)!.message, /ECONNREFUSED/);
    const other = await check(`new.${CLUSTER}`, { httpsPort: Number(new URL(pebble.directoryUrl).port) });
    assert.match(other.at(-2)!.message, /does not speak acme-tls\/1|alert|closed/);
    const far = await check(`far.${CLUSTER}`, { httpsPort: proxy.port });
    assert.deepEqual(failures(far), ["dns dns.elsewhere", "challenge certificate.unreachable"]);
  });

  test("with http-01 port 80 is asked, and a redirect there is no answer", async () => {
    await startProxy({ NB_PROXY_ACME_CHALLENGE_TYPE: "http-01" });
    assert.deepEqual(failures(await check(`new.${CLUSTER}`, { httpPort })), []);
    const proxy = proxies[0]!;
    proxy.app.acme.challenges.cluster = undefined;
    const unanswered = await check(`new.${CLUSTER}`, { httpPort });
    assert.match(unanswered.at(-2)!.message, /answers with status 404/);
  });

  test("what is published, uploaded or somebody else's is known", async () => {
    const proxy = await startProxy();
    assert.deepEqual(failures(await check("shop.elsewhere.test", { httpsPort: proxy.port })), [
      "domain service.no_cluster",
    ]);
    assert.deepEqual(failures(await check("no name", { httpsPort: proxy.port })), ["domain domain.invalid"]);
    await plane.service("mine");
    const mine = await check(`mine.${CLUSTER}`, { httpsPort: proxy.port });
    assert.equal(mine[0]!.ok, true);
    await plane.store.db("accounts").insert({ ...(await plane.store.db("accounts").first()), id: "other" });
    await plane.store.db("services").update({ account_id: "other" });
    assert.deepEqual(failures(await check(`mine.${CLUSTER}`, { httpsPort: proxy.port })), [
      "domain service.domain_taken",
    ]);
  });

  test("without a proxy, or one that orders nothing, it says so", async () => {
    const proxy = await startProxy({ NB_PROXY_ACME_CERTIFICATES: "true" });
    await proxy.close();
    proxies.length = 0;
    await eventually(async () => !(await plane.store.db("proxies").where({ connected: true }).first()));
    assert.deepEqual(failures(await check(`new.${CLUSTER}`, {})), ["cluster service.no_proxy_connected"]);
  });
});
