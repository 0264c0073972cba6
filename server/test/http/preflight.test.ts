import assert from "node:assert/strict";
import { Preflight } from "@netbird-proxy/proto/rest";
import { assertConforms, CLUSTER, type RestServer, startRestServer } from "../support/rest-server.ts";

const acme = {
  directoryUrl: "https://ca.example/dir",
  challenge: "tls-alpn-01",
  caaIdentities: [],
  ordersInFlight: 0,
  ordersWaiting: 0,
  maxOrders: 5,
  pausedUntil: null,
  pausedReason: "",
  pausedMessage: "",
} as const;

suite("the preflight over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy({ acme: { ...acme, caaIdentities: [] } });
  });
  teardown(() => server.close());
  const ask = (domain: string) =>
    server.call("GET", `/reverse-proxies/preflight?domain=${encodeURIComponent(domain)}`);

  test("answers with every check, and keeps nothing", async () => {
    server.addresses.set(CLUSTER, ["192.0.2.1"]);
    server.addresses.set(`shop.${CLUSTER}`, ["192.0.2.1"]);
    const { status, body } = await ask(`Shop.${CLUSTER} `);
    assert.equal(status, 200);
    assertConforms(Preflight, body);
    assert.deepEqual([body.domain, body.ok, body.checks.length], [`shop.${CLUSTER}`, true, 7]);
    assert.deepEqual(await server.store.db("preflight_challenges"), []);
    server.addresses.set(`shop.${CLUSTER}`, ["198.51.100.1"]);
    assert.equal((await ask(`shop.${CLUSTER}`)).body.ok, false);
  });

  test("a name that cannot be used is an answer, a request without one is refused", async () => {
    const { body } = await ask("shop.elsewhere.test");
    assert.deepEqual([body.ok, body.checks[0].code], [false, "service.no_cluster"]);
    const { status, body: refused } = await server.call("GET", "/reverse-proxies/preflight");
    assert.deepEqual([status, refused.error.path], [422, "domain"], JSON.stringify(refused));
  });
});
