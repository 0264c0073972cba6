import assert from "node:assert/strict";
import { connect } from "node:tls";
import { freePort } from "../../../../scripts/stack/free-port.ts";
import { startBackend } from "../../support/backend.ts";
import { FaultyAuthority } from "../../support/faulty-authority.ts";
import { ScriptedManagement } from "../../support/management-server.ts";
import { httpService } from "../../support/mappings.ts";
import { Pebble } from "../../support/pebble.ts";
import { TestProxy } from "../../support/proxy.ts";

const NAMES = 1_000;
const MAX_ORDERS = 20;
const DAY = 24 * 3_600_000;

suite("a thousand names", function () {
  this.timeout(600_000);
  const cleanUps: (() => unknown)[] = [];
  teardown(async () => {
    for (const step of cleanUps.splice(0).reverse()) await step();
  });

  test("are issued from cold with so many orders in flight, and renewed without a failed handshake", async () => {
    const port = await freePort("tcp");
    // A refused nonce would let one order be counted twice.
    const pebble = await new Pebble({
      tlsPort: port,
      nonceRejectPercent: 0,
      validitySeconds: 90 * 86_400,
    }).start();
    cleanUps.push(() => pebble.close());
    const authority = await new FaultyAuthority(pebble).start();
    cleanUps.push(() => authority.close());
    // An order is in flight at the authority from its creation until its certificate is fetched.
    let inFlight = 0;
    let most = 0;
    authority.fault = (path) => {
      if (path === "/order-plz") most = Math.max(most, ++inFlight);
      if (path.startsWith("/certZ/")) inFlight -= 1;
      return undefined;
    };
    const management = await new ScriptedManagement().start();
    const proxy = new TestProxy(management, {
      NB_PROXY_ADDRESS: `127.0.0.1:${port}`,
      NB_PROXY_ACME_CERTIFICATES: "true",
      NB_PROXY_ACME_DIRECTORY: authority.directoryUrl,
      NB_PROXY_ACME_CA_FILE: pebble.caFile,
      NB_PROXY_ACME_MAX_ORDERS: String(MAX_ORDERS),
      NB_LOG_LEVEL: "info",
    });
    let aheadMs = 0;
    proxy.acmeTimes = {
      nowMs: () => Date.now() + aheadMs,
      random: () => 0,
      retry: { countedMs: 1_000, otherMs: 1_000 },
    };
    cleanUps.push(() => proxy.close());
    await proxy.start();
    await proxy.synchronised();
    const backend = await startBackend((_request, response) => response.end("hello"));
    cleanUps.push(() => backend.close());
    const names = Array.from({ length: NAMES }, (_, at) => `n${at}.example.test`);
    const certificates = proxy.app.acme.certificates!;
    const serials = () => names.map((name) => certificates.pairFor(name)?.leaf.serialNumber);

    await management.apply(...names.map((name, at) => httpService(`s${at}`, name, backend.url)));
    await seldom(() => certificates.counts.ready === NAMES && certificates.inFlight === 0);
    assert.equal(certificates.counts.ready, NAMES);
    assert.equal(pebble.orders, NAMES);
    assert.ok(most <= MAX_ORDERS, `${most} orders in flight`);
    const asked = authority.requests.filter(({ path }) => path === "/nonce-plz").length;
    assert.ok(asked <= NAMES / 10, `asked for a nonce ${asked} times, although every answer brings one`);

    // Two thirds of the lifetime later. The authority's clock stands still, so what is renewed is due again at once: the
    // clock is put back when every name had its turn.
    const before = serials();
    aheadMs = 62 * DAY;
    certificates.wake();
    const ca = await pebble.roots();
    let handshakes = 0;
    let renewed = 0;
    let failed: unknown;
    const isDone = () => renewed === NAMES || failed !== undefined;
    const visitor = async (start: number) => {
      for (let at = start; !isDone(); at += 1) {
        await shakeHands(port, names[(at * 7) % NAMES]!, ca);
        handshakes += 1;
        // Visitors all the time, but not so many that the machine has time for nothing else.
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    const watch = setInterval(() => {
      renewed = serials().filter((serial, at) => serial !== undefined && serial !== before[at]).length;
    }, 250);
    cleanUps.push(() => clearInterval(watch));
    const visitors = Promise.all([visitor(0), visitor(300), visitor(600)]).catch((error: unknown) => {
      failed = error;
    });
    await seldom(isDone);
    aheadMs = 0;
    assert.equal(failed, undefined);
    assert.equal(renewed, NAMES);
    await visitors;
    assert.ok(handshakes > 100, `${handshakes} handshakes`);
    assert.ok(most <= MAX_ORDERS, `${most} orders in flight`);
    assert.deepEqual(
      proxy.logLines.filter(({ msg }) => msg === "certificate order failed"),
      [],
    );
  });
});

/** Asks so seldom that asking a thousand names does not keep the machine busy. */
async function seldom(condition: () => boolean, timeoutMs = 280_000): Promise<void> {
  const deadlineMs = Date.now() + timeoutMs;
  while (!condition() && Date.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 250));
}

/** @throws when the handshake fails or the certificate is not good */
function shakeHands(port: number, servername: string, ca: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername, ca }, () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", (error) => reject(new Error(`${servername}: ${error.message}`)));
  });
}
