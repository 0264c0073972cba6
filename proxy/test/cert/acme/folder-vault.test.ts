import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FolderVault } from "../../../src/cert/acme/folder-vault.ts";
import { pairFingerprint } from "../../../src/cert/pair.ts";
import { testCertificate } from "../../support/proxy.ts";

suite("certificates in a folder", () => {
  let folder: string;
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "vault-"));
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  async function pair() {
    const { certificate, key } = await testCertificate();
    return { certPem: certificate, keyPem: key };
  }

  test("of two proxies one gets the right to order, and the other finds what it stored", async () => {
    const [one, other] = [new FolderVault(folder), new FolderVault(folder)];
    const got = await one.acquire("a.test", "");
    assert.equal(got.kind, "lease");
    assert.equal((await other.acquire("a.test", "")).kind, "busy");
    await (got.kind === "lease" && got.lease.save(await pair()));
    const found = await other.acquire("a.test", "");
    assert.equal(found.kind, "certificate");
    assert.equal(found.kind === "certificate" && pairFingerprint(found.pair), pairFingerprint(await pair()));
    assert.equal((await other.acquire("a.test", pairFingerprint(await pair()))).kind, "lease", "a renewal");
  });

  test("a lock that a dead proxy left behind does not block for ever", async () => {
    const vault = new FolderVault(folder, { staleMs: 60_000 });
    const lock = join(folder, "a.test.lock");
    writeFileSync(lock, "1 gone");
    assert.equal((await vault.acquire("a.test", "")).kind, "busy");
    const old = new Date(Date.now() - 61_000);
    utimesSync(lock, old, old);
    assert.equal((await vault.acquire("a.test", "")).kind, "busy", "taken away, not taken over");
    assert.equal((await vault.acquire("a.test", "")).kind, "lease");
  });

  test("keys are readable by the owner only, and a name cannot choose a path", async () => {
    const vault = new FolderVault(folder);
    await vault.save("../../evil", await pair());
    const files = readdirSync(folder);
    assert.equal(files.length, 1);
    assert.equal(statSync(join(folder, files[0]!)).mode & 0o777, 0o600);
  });

  test("proxies that start together use one account key", async () => {
    let made = 0;
    const make = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return `key ${++made}`;
    };
    const ask = () => new FolderVault(folder).accountKey("https://ca.test/dir", make);
    const keys = await Promise.all([ask(), ask(), ask()]);
    assert.deepEqual(new Set(keys), new Set(["key 1"]));
  });
});
