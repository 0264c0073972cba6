import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { connect } from "node:tls";
import { control } from "@netbird-proxy/proto/grpc";
import { freePort } from "../../../../scripts/stack/free-port.ts";
import { startBackend } from "../../support/backend.ts";
import { get } from "../../support/client.ts";
import { message, ScriptedManagement, until } from "../../support/management-server.ts";
import { httpService, removed } from "../../support/mappings.ts";
import { Pebble, type PebbleOptions } from "../../support/pebble.ts";
import { TestProxy } from "../../support/proxy.ts";

const { CertificateState } = control;
const WAIT_MS = 20_000;

suite("certificates from a real authority", function () {
  this.timeout(120_000);
  const cleanUps: (() => unknown)[] = [];
  teardown(async () => {
    for (const step of cleanUps.splice(0).reverse()) await step();
  });

  async function start({
    env = {},
    pebble: options = {},
  }: {
    env?: Record<string, string>;
    pebble?: PebbleOptions;
  } = {}) {
    const port = await freePort("tcp");
    const httpPort = await freePort("tcp");
    const pebble = await new Pebble({ tlsPort: port, httpPort, nonceRejectPercent: 20, ...options }).start();
    cleanUps.push(() => pebble.close());
    const management = await new ScriptedManagement().start();
    const proxy = new TestProxy(management, {
      NB_PROXY_ADDRESS: `127.0.0.1:${port}`,
      NB_PROXY_ACME_CERTIFICATES: "true",
      NB_PROXY_ACME_DIRECTORY: pebble.directoryUrl,
      NB_PROXY_ACME_CA_FILE: pebble.caFile,
      NB_PROXY_ACME_ADDRESS: `127.0.0.1:${httpPort}`,
      ...env,
    });
    cleanUps.push(() => proxy.close());
    await proxy.start();
    await proxy.synchronised();
    const backend = await startBackend((_request, response) => response.end("hello"));
    cleanUps.push(() => backend.close());
    const certificate = (id: string) => management.report(id)?.certificate;
    const ready = (id: string) =>
      until(
        () => certificate(id)?.state === CertificateState.CERTIFICATE_STATE_READY,
        `certificate of ${id}`,
        WAIT_MS,
      );
    const failed = (id: string) =>
      until(
        () => certificate(id)?.state === CertificateState.CERTIFICATE_STATE_FAILED,
        `failure of ${id}`,
        WAIT_MS,
      );
    return { pebble, management, proxy, backend, httpPort, certificate, ready, failed };
  }

  test("a published name gets a certificate with tls-alpn-01, and visitors are answered with it", async () => {
    const { pebble, management, proxy, backend, certificate, ready } = await start();
    await management.apply(httpService("s1", "app.example.test", backend.url));
    await ready("s1");
    const reply = await get({ port: proxy.port, ca: await pebble.roots(), host: "app.example.test" });
    assert.equal(reply.body, "hello");
    assert.equal(certificate("s1")!.source, "acme");
    assert.ok(certificate("s1")!.expiresAtUnixSeconds > 0n);
    assert.equal(proxy.logged("certificate issued")!.domain, "app.example.test");
  });

  test("an authority that refuses most nonces is asked again, and never given a second order", async () => {
    const { pebble, management, proxy, backend, ready } = await start({ pebble: { nonceRejectPercent: 55 } });
    const ids = Array.from({ length: 10 }, (_, at) => `s${at}`);
    await management.apply(...ids.map((id) => httpService(id, `${id}.example.test`, backend.url)));
    for (const id of ids) await ready(id);
    assert.equal(pebble.orders, ids.length);
    assert.equal(proxy.logged("certificate not issued"), undefined);
  });

  test("nobody gets a certificate for a name that is not published: the handshake ends with an alert", async () => {
    const { proxy } = await start();
    for (const servername of ["stranger.example.test", ""]) {
      const error = await new Promise<Error>((resolve, reject) => {
        const socket = connect(
          { host: "127.0.0.1", port: proxy.port, servername, rejectUnauthorized: false },
          () => reject(new Error("the handshake succeeded")),
        );
        socket.on("error", resolve);
      });
      assert.match(error.message, /alert/i);
    }
  });

  test("with http-01 the authority is answered on port 80, and everything else is redirected", async () => {
    const { pebble, management, proxy, backend, httpPort, ready } = await start({
      env: { NB_PROXY_ACME_CHALLENGE_TYPE: "http-01" },
    });
    await management.apply(httpService("s1", "web.example.test", backend.url));
    await ready("s1");
    await get({ port: proxy.port, ca: await pebble.roots(), host: "web.example.test" });
    const ask = (path: string) =>
      new Promise<{ status: number; location: string | undefined }>((resolve, reject) => {
        request(
          { host: "127.0.0.1", port: httpPort, path, headers: { host: "web.example.test" } },
          (response) => {
            response.resume();
            resolve({ status: response.statusCode!, location: response.headers.location });
          },
        )
          .on("error", reject)
          .end();
      });
    assert.deepEqual(await ask("/x"), { status: 308, location: "https://web.example.test/x" });
    assert.equal((await ask("/.well-known/acme-challenge/nothing")).status, 404);
  });

  test("after a restart the certificate on disk serves, and nothing is ordered again", async () => {
    const { pebble, management, proxy, backend, ready } = await start();
    const mapping = [httpService("s1", "again.example.test", backend.url)];
    await management.apply(...mapping);
    await ready("s1");
    management.snapshot = [message({ mapping, initialSyncComplete: true })];
    await proxy.stop();
    pebble.log = "";
    proxy.logLines.length = 0;
    await proxy.start();
    const reply = await get({ port: proxy.port, ca: await pebble.roots(), host: "again.example.test" });
    assert.equal(reply.status, 200);
    assert.equal(proxy.logged("certificate issued"), undefined);
    assert.doesNotMatch(pebble.log, /newOrder|new-order|order-plz/);
  });

  test("deleting the service removes its certificate and key from the disk", async () => {
    const { management, proxy, backend, ready } = await start();
    await management.apply(httpService("s1", "gone.example.test", backend.url));
    await ready("s1");
    const file = join(proxy.certificateDirectory, "acme", "gone.example.test.pem");
    assert.match(readFileSync(file, "utf8"), /PRIVATE KEY/);
    await management.apply(removed("s1"));
    await until(() => !existsSync(file), "the file to go");
  });

  test("a name that points elsewhere fails with the authority's words, and recovers by itself", async () => {
    const { pebble, management, proxy, backend, certificate, failed, ready } = await start();
    await pebble.point("lost.example.test", ["127.0.0.77"]);
    const mapping = [httpService("s1", "lost.example.test", backend.url)];
    await management.apply(...mapping);
    await failed("s1");
    management.snapshot = [message({ mapping, initialSyncComplete: true })];
    // Pebble calls a connection that is refused "unauthorized"; Let's Encrypt calls it "connection".
    assert.match(certificate("s1")!.reason, /^certificate\.(unreachable|challenge_failed)$/);
    assert.match(certificate("s1")!.message, /127\.0\.0\.77|refused|connect/);
    assert.match(certificate("s1")!.message, /next attempt at/);
    // The schedule waits two minutes for good reasons; a restart asks at once.
    await pebble.point("lost.example.test", ["127.0.0.1"]);
    await proxy.stop();
    await proxy.start();
    await ready("s1");
  });

  test("an authority that is down is waited for", async () => {
    const { pebble, management, backend, certificate, failed, ready } = await start();
    pebble.stop();
    await management.apply(httpService("s1", "later.example.test", backend.url));
    await failed("s1");
    assert.equal(certificate("s1")!.reason, "certificate.authority_unreachable");
    await pebble.start();
    await ready("s1");
  });

  test("an account that the authority wants bound is bound, and refused without", async () => {
    const kid = "kid-1";
    const hmacKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    const bound = await start({
      pebble: { eab: { [kid]: hmacKey } },
      env: { NB_PROXY_ACME_EAB_KID: kid, NB_PROXY_ACME_EAB_HMAC_KEY: hmacKey },
    });
    await bound.management.apply(httpService("s1", "bound.example.test", bound.backend.url));
    await bound.ready("s1");
    const free = await start({ pebble: { eab: { [kid]: hmacKey } } });
    await free.management.apply(httpService("s1", "free.example.test", free.backend.url));
    await free.failed("s1");
    assert.equal(free.certificate("s1")!.reason, "certificate.account_refused");
  });

  test("a hundred names at once are all issued, with no more orders in flight than configured", async () => {
    const { management, proxy, backend } = await start({ env: { NB_PROXY_ACME_MAX_ORDERS: "8" } });
    const names = Array.from({ length: 100 }, (_, at) => `n${at}.example.test`);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, proxy.app.acme.certificates!.inFlight);
    }, 5);
    cleanUps.push(() => clearInterval(watch));
    await management.apply(...names.map((name, at) => httpService(`s${at}`, name, backend.url)));
    await until(() => proxy.app.acme.certificates!.counts.ready === 100, "a hundred certificates", 100_000);
    const issued = () => proxy.logLines.filter(({ msg }) => msg === "certificate issued").length;
    await until(() => issued() >= 100 && proxy.app.acme.certificates!.inFlight === 0, "the log");
    assert.equal(issued(), 100, "one order each");
    assert.ok(most <= 8, `${most} in flight`);
    const locks = () =>
      readdirSync(join(proxy.certificateDirectory, "acme")).filter((file) => file.endsWith(".lock"));
    await until(() => locks().length === 0, "the locks to go");
    for (const line of proxy.logLines) assert.doesNotMatch(JSON.stringify(line), /PRIVATE KEY/);
  });

  test("a short-lived certificate is renewed in time, without a failed handshake", async () => {
    const { pebble, management, proxy, backend, ready } = await start({ pebble: { validitySeconds: 12 } });
    await management.apply(httpService("s1", "short.example.test", backend.url));
    await ready("s1");
    const ca = await pebble.roots();
    const serials = new Set<string>();
    const untilMs = Date.now() + 20_000;
    while (Date.now() < untilMs && serials.size < 2) {
      await new Promise<void>((resolve, reject) => {
        const socket = connect(
          { host: "127.0.0.1", port: proxy.port, servername: "short.example.test", ca },
          () => {
            serials.add(socket.getPeerCertificate().serialNumber);
            socket.destroy();
            resolve();
          },
        );
        socket.on("error", reject);
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(serials.size >= 2, "another certificate came");
  });

  test("files come before orders, and a name they cover is not ordered", async () => {
    const { management, proxy, backend, ready } = await start();
    rmSync(proxy.certificateDirectory, { recursive: true, force: true });
    await proxy.stop();
    const { testCertificate } = await import("../../support/proxy.ts");
    await proxy.writeCertificate(await testCertificate());
    await proxy.start();
    await proxy.synchronised();
    await management.apply(
      httpService("s1", "covered.example.test", backend.url),
      httpService("s2", "own.other.test", backend.url),
    );
    await ready("s1");
    await ready("s2");
    assert.equal(management.report("s1")!.certificate!.source, "static");
    assert.equal(management.report("s2")!.certificate!.source, "acme");
  });
});
