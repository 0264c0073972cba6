import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startBackend } from "../../proxy/test/support/backend.ts";
import { get } from "../../proxy/test/support/client.ts";
import { type ScriptedManagement, until } from "../../proxy/test/support/management-server.ts";
import { Pebble } from "../../proxy/test/support/pebble.ts";
import { TestProxy } from "../../proxy/test/support/proxy.ts";
import { addDnsCredentials, changeDnsCredentials } from "../../server/src/commands/dns-credentials.ts";
import { removeService } from "../../server/src/commands/services.ts";
import { readDnsCredentials } from "../../server/src/domain/validate-dns-credentials.ts";
import { removeChallengeRecords } from "../../server/src/jobs/remove-challenge-records.ts";
import { deleteUnusedWildcards } from "../../server/src/store/wildcard-certificates.ts";
import { Bind9 } from "../../server/test/support/bind9.ts";
import {
  CLUSTER,
  type ControlPlane,
  directTarget,
  startControlPlane,
} from "../../server/test/support/control-plane.ts";

const WAIT_MS = 30_000;

suite("certificates with dns-01, from a real authority and bind9", function () {
  this.timeout(120_000);
  let plane: ControlPlane;
  let pebble: Pebble;
  let bind: Bind9;
  let backend: Awaited<ReturnType<typeof startBackend>>;
  const proxies: TestProxy[] = [];

  setup(async () => {
    backend = await startBackend((_request, response) => response.end("hello"));
    bind = await new Bind9().start([
      {
        name: CLUSTER,
        records: [`_acme-challenge.far CNAME step.${CLUSTER}.`, "step CNAME far.delegated.test."],
      },
      { name: "delegated.test" },
    ]);
    plane = await startControlPlane({ dnsServers: [bind.address] });
    // Nothing listens where tls-alpn-01 would be asked: whatever is issued was proven by DNS.
    pebble = await new Pebble({ dnsServer: bind.address, nonceRejectPercent: 20 }).start();
  });
  teardown(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
    await plane.close();
    pebble.close();
    bind.close();
    backend.close();
  });

  async function startProxy(env: Record<string, string> = {}): Promise<TestProxy> {
    const management = { port: Number(plane.target.split(":")[1]), stop() {} } as ScriptedManagement;
    const proxy = new TestProxy(management, {
      NB_PROXY_TOKEN: await plane.token(),
      NB_PROXY_DOMAIN: CLUSTER,
      NB_PROXY_ACME_CERTIFICATES: "true",
      NB_PROXY_ACME_DIRECTORY: pebble.directoryUrl,
      NB_PROXY_ACME_CA_FILE: pebble.caFile,
      NB_PROXY_CLUSTER_SECRET: "0123456789abcdef-of-the-cluster",
      ...env,
    });
    proxies.push(proxy);
    await proxy.start();
    return proxy.synchronised();
  }

  const publish = (name: string) =>
    plane.service(name, { targets: [directTarget({ port: Number(new URL(backend.url).port) })] });

  function draft({ wildcard = false, secret = bind.keys["hmac-sha256"].secret } = {}) {
    return readDnsCredentials({
      domain: CLUSTER,
      wildcard,
      provider: "rfc2136",
      rfc2136: { server: bind.address, key_name: bind.keys["hmac-sha256"].name, key_secret: secret },
      propagation_seconds: 0,
    });
  }

  const credentials = (change = {}) => addDnsCredentials(plane.context, plane.actor, draft(change));
  const ready = (proxy: TestProxy, count: number) =>
    until(() => proxy.app.acme.certificates!.counts.ready === count, `${count} certificates`, WAIT_MS);
  async function tidy(): Promise<void> {
    // Proxies serve a certificate a moment before they give the right to order back.
    while ((await plane.store.db("certificate_leases")).length > 0) await delay(20);
    await removeChallengeRecords(plane.context, plane.challengeDns, { warn: () => {} });
    await deleteUnusedWildcards(plane.store.db);
  }
  const report = (proxy: TestProxy, name: string) =>
    proxy.app.acme.certificates!.report(`${name}.${CLUSTER}`);

  test("weakness 31: one wildcard, ordered once, serves every service under it on every proxy", async () => {
    const [one, other] = [await startProxy(), await startProxy()];
    await credentials({ wildcard: true });
    const names = ["shop", "wiki", "mail", "chat"];
    const services = await Promise.all(names.map(publish));
    await ready(one, 4);
    await ready(other, 4);
    assert.equal(pebble.orders, 1);
    const ca = await pebble.roots();
    for (const name of names) {
      const host = `${name}.${CLUSTER}`;
      assert.equal((await get({ port: one.port, ca, host })).body, "hello");
      assert.deepEqual(other.app.acme.certificates!.pairFor(host)!.names, [`*.${CLUSTER}`]);
    }
    // A service that comes later needs no order, nor does a proxy.
    await publish("late");
    await ready(one, 5);
    await ready(await startProxy(), 5);
    assert.equal(pebble.orders, 1);
    // What was written into the zone is gone, and the key is sealed twice.
    await tidy();
    assert.deepEqual(await bind.txt(`_acme-challenge.${CLUSTER}`), []);
    assert.deepEqual(await plane.store.db("dns_records"), []);
    const [row] = await plane.store.db("wildcard_certificates");
    const opened = Buffer.from(
      plane.store.secrets.open(row.sealed_bundle, "shared wildcard certificate"),
      "base64",
    );
    assert.doesNotMatch(opened.toString("latin1"), /PRIVATE KEY/);
    // It outlives the service that it was ordered for, and goes with the last one.
    for (const { id } of services) await removeService(plane.context, plane.actor, id);
    await tidy();
    assert.equal((await plane.store.db("wildcard_certificates")).length, 1);
    for (const { id } of await plane.store.db("services"))
      await removeService(plane.context, plane.actor, id);
    await tidy();
    assert.deepEqual(await plane.store.db("wildcard_certificates"), []);
  });

  for (const count of [1, 3]) {
    test(`${count} proxies: a hundred names are each ordered once`, async () => {
      await Promise.all(Array.from({ length: count }, () => startProxy()));
      await credentials();
      const names = Array.from({ length: 100 }, (_, at) => `n${at}`);
      for (const name of names) await publish(name);
      await until(
        () => proxies.every((proxy) => proxy.app.acme.certificates!.counts.ready === 100),
        "certificates everywhere",
        100_000,
      );
      assert.equal(pebble.orders, 100);
    });
  }

  test("without wildcard every name has its own, and CNAMEs of _acme-challenge are followed", async () => {
    const proxy = await startProxy();
    await credentials();
    await Promise.all(["near", "far"].map(publish));
    await ready(proxy, 2);
    assert.equal(pebble.orders, 2);
    assert.deepEqual(proxy.app.acme.certificates!.pairFor(`far.${CLUSTER}`)!.names, [`far.${CLUSTER}`]);
    assert.match(bind.log, /updating zone 'delegated\.test\/IN': adding an RR at 'far\.delegated\.test'/);
    await tidy();
    assert.deepEqual(await bind.txt("far.delegated.test"), []);
  });

  test("credentials that are refused are named, and correcting them is enough", async () => {
    const proxy = await startProxy();
    const wrong = await credentials({ wildcard: true, secret: randomBytes(32).toString("base64") });
    await Promise.all(["shop", "wiki", "mail"].map(publish));
    await until(() => proxy.app.acme.certificates!.counts.failed === 3, "the failures", WAIT_MS);
    assert.equal(report(proxy, "wiki")!.reason, "certificate.dns_refused");
    assert.match(report(proxy, "wiki")!.message, /BADSIG/);
    const failed = proxy.logLines.filter(({ msg }) => msg === "certificate order failed");
    assert.equal(failed.length, 1, "the others wait for the one that tries");
    const [row] = await plane.store.db("dns_credentials");
    assert.match(row.last_error, /BADSIG/);
    // Two minutes would be the next attempt.
    await changeDnsCredentials(plane.context, plane.actor, wrong.id, draft({ wildcard: true }));
    await until(() => proxy.app.acme.certificates!.counts.ready === 3, "the certificates", WAIT_MS);
    assert.equal((await plane.store.db("dns_credentials"))[0].last_error, "");
  });

  test("a DNS server that is away is waited for", async () => {
    const proxy = await startProxy();
    await credentials();
    bind.pause();
    await publish("shop");
    await until(() => proxy.app.acme.certificates!.counts.failed === 1, "the failure", WAIT_MS);
    assert.match(
      report(proxy, "shop")!.reason,
      /^(dns\.lookup_failed|certificate\.dns_provider_unreachable)$/,
    );
    bind.resume();
    await ready(proxy, 1);
  });

  test("where only dns-01 is allowed, a name without credentials says what is missing", async () => {
    const proxy = await startProxy({ NB_PROXY_ACME_CHALLENGE_TYPE: "dns-01" });
    await publish("shop");
    await until(() => proxy.app.acme.certificates!.counts.failed === 1, "the failure", WAIT_MS);
    assert.equal(report(proxy, "shop")!.reason, "certificate.dns_credentials_missing");
    assert.equal(pebble.orders, 0);
    await credentials();
    await ready(proxy, 1);
  });

  test("secrets and keys are in no log line of a proxy", async () => {
    const proxy = await startProxy();
    await credentials();
    await publish("shop");
    await ready(proxy, 1);
    const { secret } = bind.keys["hmac-sha256"];
    const key = proxy.app.acme.certificates!.pairFor(`shop.${CLUSTER}`)!.keyPem.split("\n")[1]!;
    for (const line of proxy.logLines) {
      const text = JSON.stringify(line);
      assert.ok(!text.includes(secret) && !text.includes(key), text);
    }
  });
});
