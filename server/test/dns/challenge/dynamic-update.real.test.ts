import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect, createServer, type Server } from "node:net";
import { type DynamicUpdateSettings, dynamicUpdate } from "../../../src/dns/challenge/dynamic-update.ts";
import { tsigAlgorithms } from "../../../src/dns/challenge/tsig.ts";
import { Bind9 } from "../../support/bind9.ts";

suite("dynamic updates, with bind9", function () {
  this.timeout(30_000);
  let bind: Bind9;
  suiteSetup(async () => {
    bind = await new Bind9().start([
      { name: "example.test" },
      { name: "sub.example.test" },
      { name: "locked.test", locked: true },
    ]);
  });
  suiteTeardown(() => bind.close());

  function writer(change: Partial<DynamicUpdateSettings> = {}) {
    const algorithm = "hmac-sha256";
    const { name, secret } = bind.keys[algorithm];
    const key = { name, algorithm, secret: Buffer.from(secret, "base64") } as const;
    return dynamicUpdate({ host: "127.0.0.1", port: bind.port, key, zone: undefined, ...change });
  }

  for (const algorithm of tsigAlgorithms) {
    test(`a record is written and removed with ${algorithm}, others of its name stay`, async () => {
      const { name, secret } = bind.keys[algorithm];
      const dns = writer({ key: { name, algorithm, secret: Buffer.from(secret, "base64") } });
      const at = `_acme-challenge.${algorithm}.example.test`;
      await dns.add({ name: at, value: "one" });
      await dns.add({ name: at, value: "two" });
      assert.deepEqual(await bind.txt(at), ["one", "two"]);
      await dns.remove({ name: at, value: "one" });
      assert.deepEqual(await bind.txt(at), ["two"]);
      await dns.remove({ name: at, value: "two" });
      await dns.remove({ name: at, value: "two" });
      assert.deepEqual(await bind.txt(at), []);
    });
  }

  test("the zone is found, also where a zone lies below another one", async () => {
    for (const at of ["_acme-challenge.a.b.example.test", "_acme-challenge.sub.example.test"]) {
      await writer().add({ name: at, value: "x" });
      assert.deepEqual(await bind.txt(at), ["x"]);
    }
    assert.match(bind.log, /updating zone 'sub\.example\.test\/IN'/);
  });

  test("a zone that is named is used", async () => {
    const dns = writer({ zone: "example.test" });
    await dns.add({ name: "_acme-challenge.named.example.test", value: "x" });
    await assert.rejects(dns.add({ name: "_acme-challenge.locked.test", value: "x" }), {
      reason: "certificate.dns_refused",
      message: /NOTZONE/,
    });
  });

  test("every refusal says what is wrong", async () => {
    const record = { name: "_acme-challenge.refused.example.test", value: "x" };
    const { name } = bind.keys["hmac-sha256"];
    const algorithm = "hmac-sha256";
    const cases: [Partial<DynamicUpdateSettings>, RegExp][] = [
      [{ key: { name, algorithm, secret: randomBytes(32) } }, /BADSIG/],
      [{ key: { name: "stranger", algorithm, secret: randomBytes(32) } }, /BADKEY/],
      [{ nowMs: () => Date.now() - 3_600_000 }, /BADTIME/],
    ];
    for (const [change, message] of cases) {
      await assert.rejects(writer(change).add(record), { reason: "certificate.dns_refused", message });
    }
    await assert.rejects(writer().add({ name: "_acme-challenge.locked.test", value: "x" }), {
      reason: "certificate.dns_refused",
      message: /REFUSED/,
    });
    await assert.rejects(writer().add({ name: "_acme-challenge.elsewhere.invalid", value: "x" }), {
      reason: "certificate.dns_refused",
      message: /no zone for|REFUSED/,
    });
    assert.deepEqual(await bind.txt(record.name), []);
  });

  test("a server that is away, silent or speaks no DNS is named", async () => {
    const record = { name: "_acme-challenge.example.test", value: "x" };
    const listen = (onData: (answer: (bytes: Buffer) => void) => void) =>
      new Promise<Server>((resolve) => {
        const server = createServer((socket) => {
          socket.on("error", () => {});
          socket.on("data", () => onData((bytes) => socket.write(bytes)));
        });
        server.listen(0, "127.0.0.1", () => resolve(server));
      });
    const portOf = (server: Server) => (server.address() as { port: number }).port;
    const silent = await listen(() => {});
    const babble = await listen((answer) => answer(Buffer.from([0, 4, 1, 2, 3, 4])));
    const gone = await listen(() => {});
    gone.close();
    try {
      const unreachable = { reason: "certificate.dns_provider_unreachable" };
      await assert.rejects(writer({ port: portOf(silent), timeoutMs: 200 }).add(record), unreachable);
      await assert.rejects(writer({ port: 1 }).add(record), unreachable);
      await assert.rejects(writer({ port: portOf(babble) }).add(record), {
        reason: "certificate.dns_refused",
      });
    } finally {
      silent.close();
      babble.close();
    }
  });

  test("an answer that somebody changed is not believed", async () => {
    // Between us and bind9, one bit is turned.
    const liar = createServer((socket) => {
      const to = connect(bind.port, "127.0.0.1");
      socket.on("error", () => {}).pipe(to);
      to.on("error", () => {}).on("data", (bytes: Buffer) => {
        const turned = Buffer.from(bytes);
        turned[20]! ^= 1;
        socket.write(turned);
      });
    });
    await new Promise<void>((resolve) => liar.listen(0, "127.0.0.1", resolve));
    const { port } = liar.address() as { port: number };
    try {
      await assert.rejects(writer({ port }).add({ name: "_acme-challenge.example.test", value: "x" }), {
        reason: "certificate.dns_refused",
        message: /signature of the answer is wrong/,
      });
    } finally {
      liar.close();
    }
  });
});
