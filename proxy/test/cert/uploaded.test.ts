import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import type { certificates } from "@netbird-proxy/proto/grpc";
import { control } from "@netbird-proxy/proto/grpc";
import { createAuthority, issueCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { message, until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

const { CertificateState } = control;

suite("uploaded certificates", () => {
  let authority: PemPair;
  let backend: Backend;
  let proxy: TestProxy;
  suiteSetup(async () => {
    authority = await createAuthority("brought along");
    backend = await startBackend((_request, response) => response.end("hello"));
  });
  suiteTeardown(() => backend.close());
  setup(async () => {
    proxy = await startTestProxy();
    await until(() => proxy.management.uploadedRequests.length > 0);
  });
  teardown(() => proxy.close());

  let versions = 0;
  async function upload(
    id: string,
    names: string[],
    { accountId = "account-1", days = 90 }: { accountId?: string; days?: number } = {},
  ): Promise<certificates.UploadedCertificate> {
    const { certificate, key } = await issueCertificate(authority, names, days);
    const version = String(++versions);
    return { id, accountId, version, certificateChain: certificate, privateKey: key };
  }

  /** Which certificate a visitor gets, by the one who issued it and the names in it. */
  function servedFor(servername: string): Promise<{ issuer: string; names: string; serial: string }> {
    return new Promise((resolve, reject) => {
      const socket = connect(
        { host: "127.0.0.1", port: proxy.port, servername, rejectUnauthorized: false },
        () => {
          const { issuer, subjectaltname = "", serialNumber } = socket.getPeerCertificate();
          socket.destroy();
          resolve({ issuer: String(issuer.CN), names: subjectaltname, serial: serialNumber });
        },
      );
      socket.on("error", reject);
    });
  }

  /** Waits for 2 s at most: what is promised. */
  async function issuedBy(issuer: string, servername = "app.example.test"): Promise<void> {
    let last = "";
    const deadline = Date.now() + 2_000;
    while (last !== issuer) {
      assert.ok(Date.now() < deadline, `${servername} is served with a certificate of ${last}`);
      last = (await servedFor(servername)).issuer;
    }
  }

  const folder = () => join(proxy.stateDirectory, "uploaded-certificates");
  const publish = () => proxy.management.apply(httpService("s1", "app.example.test", backend.url));
  const report = () => proxy.management.report("s1")?.certificate;

  test("one serves its name instead of the files, a new one replaces it, and after its deletion the files are back", async () => {
    await publish();
    await issuedBy("proxy tests");
    proxy.management.pushUploaded({ changed: [await upload("c1", ["app.example.test"])] });
    await issuedBy("brought along");
    const before = (await servedFor("app.example.test")).serial;
    await until(() => report()?.source === "uploaded");
    assert.equal(report()!.state, CertificateState.CERTIFICATE_STATE_READY);
    const next = await upload("c1", ["app.example.test"]);
    proxy.management.pushUploaded({ changed: [next] });
    await until(() => readFileSync(join(folder(), "c1.json"), "utf8").includes(`"${next.version}"`));
    assert.notEqual((await servedFor("app.example.test")).serial, before);
    proxy.management.pushUploaded({ removed: ["c1"] });
    await issuedBy("proxy tests");
    await until(() => !existsSync(join(folder(), "c1.json")));
    await until(() => report()?.source === "static");
    assert.deepEqual(readdirSync(folder()), []);
  });

  test("the exact name comes before a wildcard, and other names of the wildcard use it", async () => {
    await publish();
    await proxy.management.apply(httpService("s2", "other.example.test", backend.url));
    proxy.management.pushUploaded({
      changed: [
        await upload("wild", ["*.example.test"]),
        await upload("exact", ["app.example.test"], { days: 9 }),
      ],
    });
    await issuedBy("brought along");
    assert.equal((await servedFor("app.example.test")).names, "DNS:app.example.test");
    assert.equal((await servedFor("other.example.test")).names, "DNS:*.example.test");
  });

  test("one of another account serves nobody else's name", async () => {
    await publish();
    await proxy.management.apply(
      httpService("s2", "theirs.example.test", backend.url, { accountId: "account-2" }),
    );
    proxy.management.pushUploaded({
      changed: [await upload("c1", ["*.example.test"], { accountId: "account-2" })],
    });
    await issuedBy("brought along", "theirs.example.test");
    assert.equal((await servedFor("app.example.test")).issuer, "proxy tests");
    assert.equal((await servedFor("unpublished.example.test")).issuer, "proxy tests");
  });

  test("an expired one gives way to the files, and is named where nothing else covers the name", async () => {
    await publish();
    await proxy.management.apply(httpService("s2", "app.elsewhere.test", backend.url));
    proxy.management.pushUploaded({
      changed: [
        await upload("c1", ["app.example.test"], { days: -1 }),
        await upload("c2", ["app.elsewhere.test"], { days: -1 }),
      ],
    });
    await until(() => proxy.management.report("s2")?.certificate?.reason === "certificate.expired");
    assert.match(proxy.management.report("s2")!.certificate!.message, /uploaded certificate c2 expired at/);
    assert.equal((await servedFor("app.example.test")).issuer, "proxy tests");
    assert.equal(report()!.source, "static");
  });

  test("one that is not usable leaves the one before in place", async () => {
    await publish();
    const good = await upload("c1", ["app.example.test"]);
    proxy.management.pushUploaded({ changed: [good] });
    await issuedBy("brought along");
    const { privateKey } = await upload("c2", ["app.example.test"]);
    proxy.management.pushUploaded({ changed: [{ ...good, version: "bad", privateKey }] });
    await until(() => proxy.logged("uploaded certificate is not usable"));
    assert.equal((await servedFor("app.example.test")).issuer, "brought along");
    proxy.management.dropStream();
    await until(() => proxy.management.uploadedRequests.length > 1);
    const [held] = proxy.management.uploadedRequests.at(-1)!.have;
    assert.deepEqual({ id: held!.id, version: held!.version }, { id: "c1", version: good.version });
  });

  test("after a restart without a server it serves from disk, readable by the owner only", async () => {
    await publish();
    proxy.management.snapshot = [
      message({ mapping: [httpService("s1", "app.example.test", backend.url)], initialSyncComplete: true }),
    ];
    proxy.management.pushUploaded({ changed: [await upload("c1", ["app.example.test"])] });
    await until(() => existsSync(join(folder(), "c1.json")));
    await proxy.stop();
    proxy.management.stop();
    assert.equal(statSync(join(folder(), "c1.json")).mode & 0o777, 0o600);
    assert.equal(statSync(folder()).mode & 0o777, 0o700);
    // What a crash in the middle of a write leaves behind.
    writeFileSync(join(folder(), "c9.json.abc.tmp"), "half a key");
    await proxy.start();
    assert.equal((await servedFor("app.example.test")).issuer, "brought along");
    assert.deepEqual(readdirSync(folder()), ["c1.json"]);
    await proxy.management.start();
    await until(() => proxy.management.uploadedRequests.at(-1)!.have[0]?.id === "c1");
  });

  test("keys are in no log line", async () => {
    await publish();
    const { id, ...rest } = await upload("c1", ["app.example.test"]);
    proxy.management.pushUploaded({ changed: [{ id, ...rest }] });
    await issuedBy("brought along");
    await proxy.management.apply(removed("s1"));
    const secret = rest.privateKey.split("\n")[1]!;
    for (const line of proxy.logLines) assert.ok(!JSON.stringify(line).includes(secret));
  });

  test("new handshakes succeed all the time while one is replaced", async () => {
    await publish();
    proxy.management.pushUploaded({ changed: [await upload("c1", ["app.example.test"])] });
    await issuedBy("brought along");
    const serials = new Set<string>();
    const replaced = (async () => {
      for (let n = 0; n < 5; n += 1) {
        proxy.management.pushUploaded({ changed: [await upload("c1", ["app.example.test"])] });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    for (let n = 0; n < 200; n += 1) serials.add((await servedFor("app.example.test")).serial);
    await replaced;
    assert.ok(serials.size >= 3, `${serials.size} certificates were seen`);
  });
});
