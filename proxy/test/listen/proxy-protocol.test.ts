import assert from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { encodeProxyHeader, parseProxyHeader } from "../../src/listen/proxy-protocol.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { exchangeRaw } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

suite("PROXY headers", () => {
  const v1 = (text: string) => parseProxyHeader(Buffer.from(text, "latin1"));

  test("version 1", () => {
    assert.deepEqual(v1("PROXY TCP4 192.0.2.1 192.0.2.2 1000 443\r\nrest"), {
      kind: "header",
      bytes: 41,
      addresses: { sourceAddress: "192.0.2.1", sourcePort: 1000 },
    });
    assert.deepEqual(v1("PROXY TCP6 2001:db8::1 ::1 1000 443\r\n"), {
      kind: "header",
      bytes: 37,
      addresses: { sourceAddress: "2001:db8::1", sourcePort: 1000 },
    });
    assert.deepEqual(v1("PROXY UNKNOWN\r\n"), { kind: "header", bytes: 15, addresses: undefined });
    for (const bad of [
      "PROXY TCP4 192.0.2.1\r\n",
      "PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 70000 443\r\n",
      "PROXY TCP4 192.0.2.1 192.0.2.2 1000 443 \r\n",
      "PROXY TCP9 192.0.2.1 192.0.2.2 1000 443\r\n",
      `PROXY TCP4 ${"1".repeat(200)}`,
    ]) {
      assert.equal(v1(bad).kind, "invalid", bad);
    }
    assert.equal(v1("PROXY TCP4 192.0.2.1").kind, "incomplete");
    assert.equal(v1("PRO").kind, "incomplete");
    assert.equal(v1("GET / HTTP/1.1\r\n").kind, "none");
    assert.equal(v1("\x16\x03\x01").kind, "none");
  });

  test("version 2 is read as it is written, byte by byte", () => {
    for (const [source, destination] of [
      ["192.0.2.1", "192.0.2.2"],
      ["2001:db8::1", "2001:db8::2"],
      ["2001:db8:0:0:1::1", "::1"],
    ] as const) {
      const header = encodeProxyHeader({ address: source, port: 1000 }, { address: destination, port: 443 });
      for (let length = 1; length < header.length; length++) {
        assert.equal(parseProxyHeader(header.subarray(0, length)).kind, "incomplete", `${length} bytes`);
      }
      const parsed = parseProxyHeader(Buffer.concat([header, Buffer.from("rest")]));
      assert.ok(parsed.kind === "header");
      assert.equal(parsed.bytes, header.length);
      assert.equal(parsed.addresses?.sourcePort, 1000);
      assert.equal(
        new URL(`http://${source.includes(":") ? `[${source}]` : source}`).hostname.replace(/[[\]]/g, ""),
        parsed.addresses?.sourceAddress,
      );
    }
  });

  test("version 2: LOCAL tells nothing, a mixed pair is IPv6, bad versions are refused", () => {
    const header = encodeProxyHeader({ address: "192.0.2.1", port: 1 }, { address: "192.0.2.2", port: 2 });
    const local = Buffer.from(header);
    local[12] = 0x20;
    assert.deepEqual(parseProxyHeader(local), { kind: "header", bytes: 28, addresses: undefined });
    const version3 = Buffer.from(header);
    version3[12] = 0x31;
    assert.equal(parseProxyHeader(version3).kind, "invalid");
    const mixed = parseProxyHeader(
      encodeProxyHeader({ address: "192.0.2.1", port: 1 }, { address: "::1", port: 2 }),
    );
    assert.ok(mixed.kind === "header");
    assert.equal(mixed.addresses?.sourceAddress, "192.0.2.1");
  });
});

suite("connections behind a balancer that sends PROXY headers", () => {
  let trusting: TestProxy;
  let strict: TestProxy;
  let foreign: TestProxy;
  let backend: Backend;
  suiteSetup(async () => {
    backend = await startBackend();
    trusting = await startTestProxy({ NB_PROXY_PROXY_PROTOCOL: "true" });
    strict = await startTestProxy({ NB_PROXY_PROXY_PROTOCOL: "true", NB_PROXY_TRUSTED_PROXIES: "127.0.0.1" });
    foreign = await startTestProxy({
      NB_PROXY_PROXY_PROTOCOL: "true",
      NB_PROXY_TRUSTED_PROXIES: "10.0.0.0/8",
    });
    for (const proxy of [trusting, strict, foreign]) {
      await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
    }
  });
  suiteTeardown(async () => {
    backend.close();
    for (const proxy of [trusting, strict, foreign]) await proxy.close();
  });

  /** What the target saw as X-Forwarded-For, or why it saw nothing. */
  async function seen(proxy: TestProxy, header: string | Buffer): Promise<string> {
    const socket: Socket = await new Promise((resolve, reject) => {
      const made = connectTcp(proxy.port, "127.0.0.1", () => resolve(made));
      made.on("error", reject);
    });
    socket.write(header, "latin1");
    return new Promise((resolve) => {
      const tls = connectTls({ socket, servername: "app.example.test", ca: proxy.ca }, async () => {
        const answer = await exchangeRaw(
          tls,
          "GET / HTTP/1.1\r\nHost: app.example.test\r\nConnection: close\r\n\r\n",
          100,
        );
        resolve(/"x-forwarded-for":"([^"]*)"/.exec(answer)?.[1] ?? answer);
      });
      tls.on("error", (error) => resolve(error.message));
      tls.on("close", () => setTimeout(resolve, 500, "closed"));
    });
  }
  const v1 = "PROXY TCP4 203.0.113.7 192.0.2.2 1000 443\r\n";
  const v2 = encodeProxyHeader({ address: "2001:db8::7", port: 1000 }, { address: "2001:db8::1", port: 443 });

  test("without a list of trusted proxies the header is believed and may be missing", async () => {
    assert.equal(await seen(trusting, v1), "203.0.113.7");
    assert.equal(await seen(trusting, v2), "2001:db8::7");
    assert.equal(await seen(trusting, ""), "127.0.0.1");
    assert.ok(
      trusting.logged(
        "PROXY headers are believed from everybody; set NB_PROXY_TRUSTED_PROXIES to limit that",
      ),
    );
  });

  test("from a trusted proxy it is required", async () => {
    assert.equal(await seen(strict, v1), "203.0.113.7");
    assert.doesNotMatch(await seen(strict, ""), /127\.0\.0\.1$/);
    assert.doesNotMatch(await seen(strict, "PROXY nonsense\r\n"), /^\d/);
  });

  test("from anybody else it is taken off and not believed", async () => {
    assert.equal(await seen(foreign, v1), "127.0.0.1");
    assert.equal(await seen(foreign, ""), "127.0.0.1");
  });

  test("weakness 12: a client that says nothing holds up nobody else", async () => {
    const silent = connectTcp(trusting.port, "127.0.0.1");
    silent.on("error", () => {});
    const startedMs = performance.now();
    assert.equal(await seen(trusting, v1), "203.0.113.7");
    assert.ok(performance.now() - startedMs < 2000);
    silent.destroy();
  });
});
