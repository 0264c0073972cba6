import assert from "node:assert/strict";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keyFromBase64, publicKeyOf } from "@netbird-proxy/tunnel";
import { ConfigError } from "../../src/config.ts";
import { Identity } from "../../src/state/identity.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { message, ScriptedManagement, until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, sessionToken } from "../support/sessions.ts";

suite("restarting", () => {
  let proxy: TestProxy;
  let backend: Backend;
  setup(async () => {
    proxy = await startTestProxy();
    backend = await startBackend();
  });
  teardown(async () => {
    backend.close();
    await proxy.close();
  });
  const status = (host = "app.example.test") =>
    get({ port: proxy.port, ca: proxy.ca, host }).then(({ status }) => status);
  const health = async (path: string) =>
    (await fetch(`http://127.0.0.1:${proxy.app.listening.healthPort}${path}`)).status;

  test("sessions that were ended stay ended, and pages keep their brand, over a restart without a server", async () => {
    const host = "app.example.test";
    proxy.management.brandings = [{ accountId: "account-1", name: "Acme Tools", logo: "", color: "" }];
    await proxy.stop();
    await proxy.start();
    await proxy.synchronised();
    await proxy.management.apply(
      httpService("s1", host, backend.url, { auth: authentication({ password: true }) }),
    );
    const [ended, kept] = await Promise.all(
      ["one", "two"].map((sub) => sessionToken({ audience: host, sub })),
    );
    const ask = (session: string, more = {}) =>
      get({
        port: proxy.port,
        ca: proxy.ca,
        host,
        headers: { cookie: `nb_session=${session}`, accept: "text/html" },
        ...more,
      });
    await ask(ended!, { method: "POST", path: "/.netbird/sign-out" });
    await until(() => existsSync(join(proxy.stateDirectory, "visitors.json")));
    await proxy.stop();
    proxy.management.stop();
    await proxy.start();
    assert.equal((await ask(kept!)).status, 200);
    const refused = await ask(ended!);
    assert.equal(refused.status, 401);
    assert.match(refused.body, /Acme Tools/);
    await proxy.stop();
    const file = join(proxy.stateDirectory, "visitors.json");
    assert.equal(statSync(file).mode & 0o777, 0o600);
    writeFileSync(file, "{");
    await proxy.start();
    assert.ok(existsSync(`${file}.unusable`));
    assert.ok(proxy.logged("ended sessions and brands are not known until the server answers"));
    assert.equal((await ask(kept!)).status, 200);
  });

  test("weakness 16: a proxy that restarts while the server is down serves what it knew and is ready", async () => {
    await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
    const id = proxy.app.listening.proxyId;
    await proxy.stop();
    proxy.management.stop();
    await proxy.start();
    assert.equal(await status(), 200);
    assert.equal(await health("/readyz"), 200);
    assert.equal(await health("/healthz/startup"), 200);
    assert.equal(proxy.app.listening.proxyId, id, "the same proxy as before");
  });

  test("after a crash as well: the file is there before anybody asks for it", async () => {
    await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
    const file = join(proxy.stateDirectory, "last-known.json");
    await until(() => existsSync(file), "the state file");
    const saved = readFileSync(file);
    await proxy.stop();
    writeFileSync(file, saved);
    proxy.management.stop();
    await proxy.start();
    assert.equal(await status(), 200);
  });

  test("gRPC weakness 3: it resumes where it was, takes a delta, and what the delta does not name stays", async () => {
    await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
    await proxy.management.apply(httpService("s2", "two.example.test", backend.url));
    const revision = proxy.management.nextRevision() - 1n;
    await proxy.stop();
    proxy.management.snapshot = [
      message({
        delta: true,
        epoch: "test",
        revision: revision + 5n,
        initialSyncComplete: true,
        mapping: [httpService("s3", "three.example.test", backend.url)],
      }),
    ];
    await proxy.start();
    await proxy.synchronised();
    const init = proxy.management.inits.at(-1)!;
    assert.deepEqual(init.resume, { epoch: "test", revision });
    for (const host of ["app.example.test", "two.example.test", "three.example.test"])
      assert.equal(await status(host), 200);
    assert.equal(proxy.management.acks.at(-1)!.appliedRevision, revision + 5n);
  });

  test("a snapshot removes what it does not name, once it is complete", async () => {
    await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
    await proxy.stop();
    proxy.management.snapshot = [
      message({ mapping: [httpService("s2", "two.example.test", backend.url)] }),
      message({
        mapping: [httpService("s3", "three.example.test", backend.url)],
        initialSyncComplete: true,
        epoch: "other",
        revision: 1n,
      }),
    ];
    await proxy.start();
    await proxy.synchronised();
    assert.equal(await status(), 404);
    assert.equal(await status("two.example.test"), 200);
    assert.equal(await status("three.example.test"), 200);
  });

  test("a state file that is not usable is said and set aside, and the server's state is used", async () => {
    await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
    await proxy.stop();
    writeFileSync(join(proxy.stateDirectory, "last-known.json"), "{broken");
    proxy.management.snapshot = [
      message({ mapping: [httpService("s1", "app.example.test", backend.url)], initialSyncComplete: true }),
    ];
    await proxy.start();
    assert.ok(proxy.logged("saved configuration is not usable; waiting for the server"));
    await proxy.synchronised();
    assert.equal(await status(), 200);
    assert.deepEqual(proxy.management.inits.at(-1)!.resume, { epoch: "", revision: 0n });
  });

  test("without any configuration the proxy is alive, but not ready", async () => {
    const dark = await startTestProxy();
    await dark.stop();
    dark.management.stop();
    for (const file of readdirSync(dark.stateDirectory)) {
      if (file.startsWith("last-known")) writeFileSync(join(dark.stateDirectory, file), "gone");
    }
    await dark.start();
    const at = `http://127.0.0.1:${dark.app.listening.healthPort}`;
    assert.equal((await fetch(`${at}/livez`)).status, 200);
    assert.equal((await fetch(`${at}/readyz`)).status, 503);
    await dark.close();
  });

  test("nothing secret of a mapping's one-time token reaches the disk", async () => {
    await proxy.management.apply(
      httpService("s1", "app.example.test", backend.url, { authToken: "one-time-secret-token" }),
    );
    await proxy.stop();
    for (const file of readdirSync(proxy.stateDirectory, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = readFileSync(join(file.parentPath ?? file.path, file.name), "utf8");
      assert.ok(!text.includes("one-time-secret-token"));
      assert.ok(!text.includes(Buffer.from("one-time-secret-token").toString("base64").slice(2, 20)));
    }
    await proxy.start();
  });
});

suite("identity", () => {
  test("weakness 26: proxy id and keys stay, each account has its own key, nobody else may read them", async () => {
    const proxy = await startTestProxy();
    await proxy.stop();
    const one = new Identity(proxy.stateDirectory);
    const key = one.privateKey("account/../1" as never);
    const other = one.privateKey("account-2" as never);
    assert.notDeepEqual(key, other);
    const two = new Identity(proxy.stateDirectory);
    assert.equal(two.proxyId, one.proxyId);
    assert.deepEqual(publicKeyOf(two.privateKey("account/../1" as never)), publicKeyOf(key));
    const files = readdirSync(join(proxy.stateDirectory, "accounts"));
    assert.equal(files.length, 2);
    for (const file of files) {
      const path = join(proxy.stateDirectory, "accounts", file);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.ok(keyFromBase64(readFileSync(path, "utf8").trim()) !== undefined);
    }
    await proxy.close();
  });

  test("a state folder that cannot be written to is a configuration problem", async () => {
    const proxy = await startTestProxy();
    await proxy.stop();
    const blocked = join(proxy.folder, "file");
    writeFileSync(blocked, "");
    chmodSync(blocked, 0o600);
    assert.throws(
      () => new Identity(join(blocked, "state")),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /NB_PROXY_STATE_DIR/);
        return true;
      },
    );
    await proxy.close();
  });
});

suite("the server's stream", () => {
  test("comes back after the server does, and brings what changed meanwhile", async () => {
    const management = new ScriptedManagement();
    const proxy = await startTestProxy({}, management);
    const backend = await startBackend();
    await until(() => management.acks.length === 1, "the first snapshot to be acknowledged");
    management.stop();
    await until(() => !proxy.app.control.connected, "the proxy to notice");
    management.snapshot = [
      message({ mapping: [httpService("s1", "app.example.test", backend.url)], initialSyncComplete: true }),
    ];
    await management.start();
    await until(() => proxy.app.control.connected, "the proxy to come back", 15_000);
    await until(() => management.acks.length === 2);
    assert.equal((await get({ port: proxy.port, ca: proxy.ca })).status, 200);
    backend.close();
    await proxy.close();
  });
});
