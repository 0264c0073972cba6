import assert from "node:assert/strict";
import { get } from "node:https";
import { text } from "node:stream/consumers";
import { freePort } from "../../../../scripts/stack/free-port.ts";
import { certificateId } from "../../../src/cert/acme/certificate-id.ts";
import { startBackend } from "../../support/backend.ts";
import { FaultyAuthority } from "../../support/faulty-authority.ts";
import { ScriptedManagement, until } from "../../support/management-server.ts";
import { httpService } from "../../support/mappings.ts";
import { Pebble } from "../../support/pebble.ts";
import { TestProxy, testAuthority } from "../../support/proxy.ts";

const NAME = "ari.example.test";
const DAY = 24 * 3_600_000;

suite("an authority that says when to renew (RFC 9773)", function () {
  this.timeout(60_000);

  test("is asked about the certificate in use, and it is renewed in the window that it names", async () => {
    const port = await freePort("tcp");
    const pebble = await new Pebble({ tlsPort: port }).start();
    const authority = await new FaultyAuthority(pebble).start();
    const ca = (await testAuthority()).certificate;
    // Debian's pebble has no renewal information: here its directory gets one.
    const directory = JSON.parse(
      await new Promise<string>((resolve, reject) => {
        get(authority.directoryUrl, { ca, agent: false }, (answer) => resolve(text(answer))).on(
          "error",
          reject,
        );
      }),
    );
    const base = new URL("/renewal-info", authority.directoryUrl).href;
    const asked: string[] = [];
    authority.fault = (path) => {
      if (path === "/dir") return { status: 200, body: { ...directory, renewalInfo: base } };
      if (!path.startsWith("/renewal-info/")) return undefined;
      asked.push(path.slice("/renewal-info/".length));
      // The first certificate is to go at once, as after a mass revocation; the next one has time.
      const atMs = asked.length === 1 ? Date.now() - 2_000 : Date.now() + 30 * DAY;
      const window = { start: new Date(atMs).toISOString(), end: new Date(atMs + 1_000).toISOString() };
      return { status: 200, headers: { "retry-after": "21600" }, body: { suggestedWindow: window } };
    };
    const management = await new ScriptedManagement().start();
    const backend = await startBackend((_request, response) => response.end("hello"));
    const proxy = new TestProxy(management, {
      NB_PROXY_ADDRESS: `127.0.0.1:${port}`,
      NB_PROXY_ACME_CERTIFICATES: "true",
      NB_PROXY_ACME_DIRECTORY: authority.directoryUrl,
      NB_PROXY_ACME_CA_FILE: pebble.caFile,
    });
    try {
      await proxy.start();
      await proxy.synchronised();
      const leaf = () => proxy.app.acme.certificates!.pairFor(NAME)?.leaf;
      await management.apply(httpService("s1", NAME, backend.url));
      await until(() => leaf() !== undefined, "the first certificate");
      const first = leaf()!;
      await until(() => leaf()!.serialNumber !== first.serialNumber, "its renewal", 20_000);
      await until(() => asked.length === 2, "the question about the second");
      assert.deepEqual(asked, [certificateId(first), certificateId(leaf()!)]);
      assert.equal(pebble.orders, 2);
    } finally {
      await proxy.close();
      authority.close();
      pebble.close();
      backend.close();
    }
  });
});
