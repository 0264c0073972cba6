import assert from "node:assert/strict";
import { control } from "@netbird-proxy/proto/grpc";
import { freePort } from "../../../../scripts/stack/free-port.ts";
import { startBackend } from "../../support/backend.ts";
import { type Fault, FaultyAuthority } from "../../support/faulty-authority.ts";
import { ScriptedManagement, until } from "../../support/management-server.ts";
import { httpService } from "../../support/mappings.ts";
import { Pebble } from "../../support/pebble.ts";
import { TestProxy } from "../../support/proxy.ts";

const { CERTIFICATE_STATE_FAILED, CERTIFICATE_STATE_READY } = control.CertificateState;
const WAIT_MS = 30_000;
const NAMES = 10;

suite("orders while the authority, DNS or the network misbehave", function () {
  this.timeout(120_000);
  const cleanUps: (() => unknown)[] = [];
  teardown(async () => {
    for (const step of cleanUps.splice(0).reverse()) await step();
  });

  async function start() {
    const port = await freePort("tcp");
    const pebble = await new Pebble({ tlsPort: port, nonceRejectPercent: 20 }).start();
    cleanUps.push(() => pebble.close());
    const authority = await new FaultyAuthority(pebble).start();
    cleanUps.push(() => authority.close());
    const management = await new ScriptedManagement().start();
    const proxy = new TestProxy(management, {
      NB_PROXY_ADDRESS: `127.0.0.1:${port}`,
      NB_PROXY_ACME_CERTIFICATES: "true",
      NB_PROXY_ACME_DIRECTORY: authority.directoryUrl,
      NB_PROXY_ACME_CA_FILE: pebble.caFile,
    });
    // The real waits are minutes and hours.
    proxy.acmeTimes = { retry: { countedMs: 1_000, otherMs: 500, maxCountedMs: 2_000, maxOtherMs: 1_000 } };
    cleanUps.push(() => proxy.close());
    await proxy.start();
    await proxy.synchronised();
    const backend = await startBackend((_request, response) => response.end("hello"));
    cleanUps.push(() => backend.close());
    const names = Array.from({ length: NAMES }, (_, at) => `n${at}.example.test`);
    const publish = () =>
      management.apply(...names.map((name, at) => httpService(`s${at}`, name, backend.url)));
    const certificate = (at: number) => management.report(`s${at}`)?.certificate;
    const inState = (state: control.CertificateState) =>
      names.filter((_, at) => certificate(at)?.state === state).length;
    const allReady = () =>
      until(() => inState(CERTIFICATE_STATE_READY) === NAMES, "all certificates", WAIT_MS);
    return { pebble, authority, proxy, names, publish, certificate, inState, allReady };
  }

  /** Something goes wrong, it shows with its reason, it stops, and everything is issued without anybody's help. */
  async function passes(fault: (path: string) => Fault | undefined, reason: string, message: RegExp) {
    const { authority, publish, certificate, inState, allReady } = await start();
    authority.fault = fault;
    await publish();
    await until(() => inState(CERTIFICATE_STATE_FAILED) > 0, "a failure", WAIT_MS);
    const failed = Array.from({ length: NAMES }, (_, at) => certificate(at)).find(
      (one) => one?.state === CERTIFICATE_STATE_FAILED,
    )!;
    assert.equal(failed.reason, reason);
    assert.match(failed.message, message);
    authority.fault = () => undefined;
    await allReady();
  }

  test("an authority that answers 500 to new orders", () =>
    passes(
      (path) => (/order/.test(path) ? { status: 500, body: { detail: "out of paper" } } : undefined),
      "certificate.authority_unreachable",
      /out of paper/,
    ));

  test("an authority that answers 503 with a page instead of a problem document, from the directory on", () =>
    passes(
      () => ({ status: 503, headers: { "content-type": "text/html" }, body: "<h1>maintenance</h1>" }),
      "certificate.authority_unreachable",
      /503/,
    ));

  test("an authority that hangs up in the middle of orders", () =>
    passes(
      (path) => (/finalize|chalZ/.test(path) ? "hang up" : undefined),
      "certificate.authority_unreachable",
      /does not answer/,
    ));

  test("an authority whose every third answer is a 500", async () => {
    const { authority, publish, allReady, pebble } = await start();
    let count = 0;
    authority.fault = () => (++count % 3 === 0 ? { status: 500 } : undefined);
    await publish();
    await until(() => count > 60, "some answers", WAIT_MS);
    authority.fault = () => undefined;
    await allReady();
    // Not a fault of the name: what was begun may come to nothing, but not without end.
    assert.ok(pebble.orders < 10 * NAMES, `${pebble.orders} orders`);
  });

  test("a rate limit is waited out, with nobody asking before Retry-After is over", async () => {
    const { authority, proxy, publish, certificate, inState, allReady } = await start();
    const type = "urn:ietf:params:acme:error:rateLimited";
    let limitedAtMs: number | undefined;
    authority.fault = (path) => {
      if (!/order-plz/.test(path)) return undefined;
      limitedAtMs ??= Date.now();
      return { status: 429, headers: { "retry-after": "4" }, body: { type, detail: "too many new orders" } };
    };
    await publish();
    await until(() => inState(CERTIFICATE_STATE_FAILED) > 0, "the failure", WAIT_MS);
    const failed = Array.from({ length: NAMES }, (_, at) => certificate(at)).find(
      (one) => one?.state === CERTIFICATE_STATE_FAILED,
    )!;
    assert.equal(failed.reason, "certificate.rate_limited");
    assert.match(failed.message, /too many new orders; next attempt at \d{4}-/);
    const { pausedReason, pausedUntilUnixSeconds } = proxy.app.acme.report()!;
    assert.equal(pausedReason, "certificate.rate_limited");
    assert.ok(Number(pausedUntilUnixSeconds) * 1000 >= limitedAtMs! + 4_000);
    // Orders that were on their way when the first one was refused still arrive, and some of them twice: every fifth nonce
    // is refused.
    const lastAtMs = () => authority.requests.findLast(({ path }) => /order-plz/.test(path))!.atMs;
    await until(() => Date.now() - lastAtMs() > 1_000, "the end of the orders that were under way", 3_000);
    authority.fault = () => undefined;
    authority.requests.length = 0;
    await allReady();
    const first = authority.requests.find(({ path }) => /order-plz/.test(path))!;
    const waitedMs = first.atMs - limitedAtMs!;
    assert.ok(waitedMs >= 4_000, `asked again after ${waitedMs} ms`);
  });

  test("names that lead elsewhere fail one by one, the others do not wait for them, and they recover", async () => {
    const { pebble, names, publish, certificate, inState, allReady } = await start();
    for (const at of [0, 3, 6]) await pebble.point(names[at]!, ["127.0.0.77"]);
    await publish();
    await until(
      () => inState(CERTIFICATE_STATE_FAILED) === 3 && inState(CERTIFICATE_STATE_READY) === NAMES - 3,
      "three failures and seven certificates",
      WAIT_MS,
    );
    for (const at of [0, 3, 6]) {
      assert.match(certificate(at)!.reason, /^certificate\.(unreachable|challenge_failed)$/);
      await pebble.point(names[at]!, ["127.0.0.1"]);
    }
    await allReady();
  });

  test("an authority that is gone, also in the middle of orders, and comes back without memory", async () => {
    const { pebble, proxy, publish, inState, allReady } = await start();
    await publish();
    await until(() => proxy.app.acme.certificates!.inFlight > 0, "an order");
    pebble.stop();
    await until(() => inState(CERTIFICATE_STATE_FAILED) > 0, "a failure", WAIT_MS);
    await pebble.start();
    await allReady();
  });
});
