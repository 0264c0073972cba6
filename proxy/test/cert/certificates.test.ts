import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { control } from "@netbird-proxy/proto/grpc";
import { issueCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { CertificateStore, type IssuedCertificates } from "../../src/cert/certificate-store.ts";
import { ConfigError } from "../../src/config.ts";
import { createLogger } from "../../src/observe/log.ts";
import { startBackend } from "../support/backend.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy, testAuthority } from "../support/proxy.ts";

const { CertificateState } = control;

function write(folder: string, name: string, pair: PemPair): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.crt`), pair.certificate);
  writeFileSync(join(folder, `${name}.key`), pair.key);
}

suite("certificates on disk", () => {
  let folder: string;
  let store: CertificateStore | undefined;
  let errors: string[] = [];
  const reloads: boolean[] = [];

  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "certs-"));
    errors = [];
    reloads.length = 0;
  });
  teardown(() => {
    store?.close();
    store = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(
    more: { wildcardDirectory?: string; folder?: string; issued?: IssuedCertificates } = {},
  ): Promise<CertificateStore> {
    const at = more.folder ?? folder;
    const log = createLogger("debug", {
      write: (line) => {
        const { level, reason } = JSON.parse(line);
        if (level === "error") errors.push(reason);
      },
    });
    const made = new CertificateStore({
      certFile: join(at, "tls.crt"),
      keyFile: join(at, "tls.key"),
      wildcardDirectory: more.wildcardDirectory,
      ...(more.issued === undefined ? {} : { issued: more.issued }),
      log,
      onChange: () => {},
      onReload: (ok) => reloads.push(ok),
      watch: { debounceMs: 20, pollMs: 60_000 },
    });
    await made.start();
    store = made;
    return made;
  }
  const leaf = async (...names: string[]) => issueCertificate(await testAuthority(), names);
  const serial = () => store!.fallback!.leaf.serialNumber;

  test("a pair that is replaced by renaming is used at once", async () => {
    write(folder, "tls", await leaf("a.test"));
    await open();
    const before = serial();
    const next = await leaf("a.test");
    writeFileSync(join(folder, "new.key"), next.key);
    writeFileSync(join(folder, "new.crt"), next.certificate);
    renameSync(join(folder, "new.key"), join(folder, "tls.key"));
    renameSync(join(folder, "new.crt"), join(folder, "tls.crt"));
    await until(() => serial() !== before, "the new certificate");
    assert.equal(errors.length, 0);
  });

  test("a Kubernetes volume that swaps its ..data link is noticed", async () => {
    const volume = join(folder, "volume");
    write(join(volume, "..v1"), "tls", await leaf("a.test"));
    symlinkSync("..v1", join(volume, "..data"));
    symlinkSync("..data/tls.crt", join(volume, "tls.crt"));
    symlinkSync("..data/tls.key", join(volume, "tls.key"));
    await open({ folder: volume });
    const before = serial();
    write(join(volume, "..v2"), "tls", await leaf("a.test"));
    symlinkSync("..v2", join(volume, "..data_tmp"));
    renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
    rmSync(join(volume, "..v1"), { recursive: true });
    await until(() => serial() !== before, "the new certificate");
  });

  test("a key that does not belong to the certificate keeps the old pair and says so once", async () => {
    write(folder, "tls", await leaf("a.test"));
    await open();
    const before = serial();
    const other = await leaf("a.test");
    writeFileSync(join(folder, "tls.crt"), other.certificate);
    await until(() => errors.length > 0, "the complaint");
    assert.match(errors[0]!, /does not belong to/);
    assert.equal(serial(), before);
    const report = store!.report("a.test", Date.now());
    assert.equal(report.state, CertificateState.CERTIFICATE_STATE_READY, "the old pair still serves");
    assert.equal(report.reason, "certificate.key_mismatch");
    await store!.reload();
    await store!.reload();
    assert.equal(errors.length, 1, "the same files are complained about once");
    writeFileSync(join(folder, "tls.key"), other.key);
    await until(() => serial() !== before, "the new certificate");
    assert.equal(store!.report("a.test", Date.now()).reason, "");
    assert.deepEqual(reloads, [true, false, true]);
  });

  test("a pair that is cut short, or goes away, keeps the old one", async () => {
    const pair = await leaf("a.test");
    write(folder, "tls", pair);
    await open();
    const before = serial();
    writeFileSync(join(folder, "tls.crt"), pair.certificate.slice(0, 100));
    await until(() => errors.length === 1);
    unlinkSync(join(folder, "tls.key"));
    await until(() => errors.length === 2);
    assert.equal(serial(), before);
    assert.equal(store!.contextFor("a.test"), store!.fallback!.context);
  });

  test("starting with an unusable pair fails with the files and the variable", async () => {
    await assert.rejects(open(), (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      assert.match(error.message, /NB_PROXY_CERTIFICATE_DIRECTORY/);
      assert.match(error.message, /tls\.crt/);
      assert.match(error.message, /tls\.key/);
      return true;
    });
    const one = await leaf("a.test");
    write(folder, "tls", { certificate: one.certificate, key: (await leaf("a.test")).key });
    await assert.rejects(open(), /does not belong to/);
    writeFileSync(join(folder, "tls.crt"), "not a certificate");
    await assert.rejects(open(), /does not start with a PEM certificate/);
  });

  test("further pairs are chosen by name: exact before wildcard, everything else gets the static pair", async () => {
    const further = join(folder, "further");
    write(folder, "tls", await leaf("static.test"));
    write(further, "wild", await leaf("*.apps.test"));
    write(further, "exact", await leaf("one.apps.test"));
    await open({ wildcardDirectory: further });
    assert.equal(store!.report("one.apps.test", Date.now()).source, "wildcard");
    assert.notEqual(store!.contextFor("one.apps.test"), store!.contextFor("two.apps.test"));
    assert.notEqual(store!.contextFor("two.apps.test"), store!.fallback!.context);
    assert.equal(store!.contextFor("a.b.apps.test"), store!.fallback!.context, "one label deep only");
    assert.equal(store!.contextFor(""), store!.fallback!.context);
    assert.equal(store!.report("b.two.apps.test", Date.now()).reason, "certificate.name_mismatch");
  });

  test("pairs that appear in and disappear from the folder are noticed", async () => {
    const further = join(folder, "further");
    write(folder, "tls", await leaf("static.test"));
    write(further, "a", await leaf("*.a.test"));
    await open({ wildcardDirectory: further });
    write(further, "b", await leaf("*.b.test"));
    await until(
      () => store!.report("x.b.test", Date.now()).state === CertificateState.CERTIFICATE_STATE_READY,
    );
    for (const file of readdirSync(further)) if (file.startsWith("a.")) unlinkSync(join(further, file));
    await until(() => store!.report("x.a.test", Date.now()).reason === "certificate.name_mismatch");
  });

  test("weakness 32: reports: ready with dates, wrong name, expired, not valid yet", async () => {
    write(folder, "tls", await leaf("*.a.test", "a.test"));
    await open();
    const nowMs = Date.now();
    const ready = store!.report("x.a.test", nowMs);
    assert.equal(ready.state, CertificateState.CERTIFICATE_STATE_READY);
    assert.ok(Number(ready.expiresAtUnixSeconds) * 1000 > nowMs);
    assert.ok(Number(ready.issuedAtUnixSeconds) * 1000 < nowMs);
    const wrong = store!.report("b.test", nowMs);
    assert.equal(wrong.state, CertificateState.CERTIFICATE_STATE_FAILED);
    assert.equal(wrong.reason, "certificate.name_mismatch");
    assert.match(wrong.message, /\*\.a\.test, a\.test, not b\.test/);
    const later = nowMs + 400 * 86_400_000;
    assert.equal(store!.report("a.test", later).reason, "certificate.expired");
    assert.equal(store!.report("a.test", nowMs - 40 * 86_400_000).reason, "certificate.failed");
    const next = store!.nextChangeMs(nowMs)!;
    assert.ok(next > nowMs && next < later, "somebody has to look again when it expires");
  });

  test("where certificates are ordered, a name that was published this moment is pending, not failed", async () => {
    const issued = { pairFor: () => undefined, report: () => undefined, nextChangeMs: () => undefined };
    const report = (await open({ issued })).report("new.test", Date.now());
    assert.deepEqual(
      [report.state, report.reason],
      [CertificateState.CERTIFICATE_STATE_PENDING, "certificate.pending"],
    );
  });
});

suite("certificates in use", () => {
  let proxy: TestProxy;
  suiteSetup(async () => {
    proxy = await startTestProxy();
  });
  suiteTeardown(() => proxy.close());

  const serialOf = (servername: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(
        { host: "127.0.0.1", port: proxy.port, servername, rejectUnauthorized: false },
        () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        },
      );
      socket.on("error", reject);
    });

  test("new handshakes use a new pair, with and without a server name, and the server learns of it", async () => {
    const backend = await startBackend();
    await proxy.management.apply(httpService("c", "c.example.test", backend.url));
    await until(
      () => proxy.management.report("c")?.certificate?.state === CertificateState.CERTIFICATE_STATE_READY,
    );
    const before = await serialOf("c.example.test");
    assert.equal(await serialOf(""), before);
    await proxy.writeCertificate(await issueCertificate(await testAuthority(), ["other.test"]));
    await until(() => proxy.management.report("c")?.certificate?.reason === "certificate.name_mismatch");
    assert.notEqual(await serialOf("c.example.test"), before);
    assert.notEqual(await serialOf(""), before);
    backend.close();
  });
});
