import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { issueCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { startBackend } from "../support/backend.ts";
import { HandshakeLoad } from "../support/handshake-load.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, testAuthority } from "../support/proxy.ts";

const HOST = "app.example.test";

suite("a certificate that is replaced while visitors come", function () {
  this.timeout(60_000);

  test("five times: no handshake fails, and a pair that does not fit changes nothing", async () => {
    const backend = await startBackend();
    const proxy = await startTestProxy();
    await proxy.management.apply(httpService("a", HOST, backend.url));
    const ca = await testAuthority();
    const load = new HandshakeLoad({
      port: proxy.port,
      servername: HOST,
      ca: ca.certificate,
      perSecond: 300,
    });
    const put = (pair: PemPair) => {
      for (const [name, text] of [
        ["tls.crt", pair.certificate],
        ["tls.key", pair.key],
      ] as const) {
        writeFileSync(join(proxy.certificateDirectory, `.${name}`), text);
        renameSync(join(proxy.certificateDirectory, `.${name}`), join(proxy.certificateDirectory, name));
      }
    };
    try {
      await until(() => load.firstSeenMs.size === 1, "the first handshake");
      for (let n = 0; n < 5; n += 1) {
        const pair = await issueCertificate(ca, [HOST]);
        put(pair);
        const { serialNumber } = new X509Certificate(pair.certificate);
        await until(() => load.firstSeenMs.has(serialNumber), "the new serial number");
      }
      const [good, other] = [await issueCertificate(ca, [HOST]), await issueCertificate(ca, [HOST])];
      put({ certificate: good.certificate, key: other.key });
      await until(() =>
        proxy.logLines.some(({ level, reason }) => level === "error" && /key/.test(String(reason))),
      );
      const before = load.succeeded;
      await until(() => load.succeeded > before + 100, "more visitors");
    } finally {
      await load.stop();
      await proxy.close();
      backend.close();
    }
    assert.deepEqual(load.failed, []);
    assert.equal(load.firstSeenMs.size, 6);
  });
});
