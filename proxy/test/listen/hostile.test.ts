import assert from "node:assert/strict";
import { connect } from "node:net";
import { type Backend, startBackend } from "../support/backend.ts";
import { exchangeRaw, get, http2Get, http2Session, rawTls } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

suite("hostile requests", () => {
  let proxy: TestProxy;
  let backend: Backend;

  suiteSetup(async () => {
    proxy = await startTestProxy();
    backend = await startBackend();
    await proxy.management.apply(httpService("s1", "app.example.test", backend.url));
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  async function raw(bytes: string): Promise<string> {
    const socket = await rawTls(proxy.port, proxy.ca);
    const answer = await exchangeRaw(socket, bytes, 150);
    socket.destroy();
    return answer;
  }

  const smuggling: Record<string, string> = {
    "Content-Length and Transfer-Encoding together":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: app.example.test\r\n\r\n",
    "two different Content-Lengths":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhelloGET /smuggled HTTP/1.1\r\nHost: app.example.test\r\n\r\n",
    "a list as Content-Length":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: 5, 5\r\n\r\nhello",
    "a sign in Content-Length":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: +5\r\n\r\nhello",
    "hex Content-Length": "POST / HTTP/1.1\r\nHost: app.example.test\r\nContent-Length: 0x5\r\n\r\nhello",
    "an unknown transfer coding":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded header":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nX-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a bare CR in a value": "GET / HTTP/1.1\r\nHost: app.example.test\r\nX-A: 1\rX-B: 2\r\n\r\n",
    "a NUL in a value": "GET / HTTP/1.1\r\nHost: app.example.test\r\nX-A: 1\x002\r\n\r\n",
    "a bad chunk size":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
    "a chunk that is longer than it says":
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
    "two Hosts": "GET / HTTP/1.1\r\nHost: app.example.test\r\nHost: evil.example\r\n\r\n",
    "two Hosts, ours last": "GET / HTTP/1.1\r\nHost: evil.example\r\nHost: app.example.test\r\n\r\n",
    "no Host": "GET / HTTP/1.1\r\n\r\n",
    "a Host with user information": "GET / HTTP/1.1\r\nHost: x@app.example.test\r\n\r\n",
    "a Host with a space": "GET / HTTP/1.1\r\nHost: app.example.test evil\r\n\r\n",
    "a Host that differs from an absolute target":
      "GET http://evil.example/ HTTP/1.1\r\nHost: app.example.test\r\n\r\n",
    "a fragment in the target": "GET /a#b HTTP/1.1\r\nHost: app.example.test\r\n\r\n",
    "a space in the target": "GET /a b HTTP/1.1\r\nHost: app.example.test\r\n\r\n",
    "a target without a slash": "GET a HTTP/1.1\r\nHost: app.example.test\r\n\r\n",
    "no HTTP at all": "\x16\x03\x01nonsense\r\n\r\n",
  };
  for (const [what, bytes] of Object.entries(smuggling)) {
    test(`${what}: refused, nothing smuggled reaches the target`, async () => {
      const before = backend.requests.length;
      const answer = await raw(bytes);
      assert.doesNotMatch(answer, /^HTTP\/1\.1 2/);
      assert.doesNotMatch(answer, /smuggled/);
      assert.ok(!backend.requests.slice(before).some(({ url }) => url === "/smuggled"), "smuggled through");
      assert.ok(
        answer === "" || /^HTTP\/1\.1 4\d\d /.test(answer),
        `answered ${JSON.stringify(answer.slice(0, 80))}`,
      );
    });
  }

  test("lines that end in a bare LF are refused or read as one request, never as two", async () => {
    const before = backend.requests.length;
    await raw("GET /one HTTP/1.1\nHost: app.example.test\n\nGET /two HTTP/1.1\nHost: app.example.test\n\n");
    await raw(
      "POST /three HTTP/1.1\r\nHost: app.example.test\r\nTransfer-Encoding: chunked\r\n\r\n1\nZ\r\n0\r\n\r\nGET /four HTTP/1.1\r\nHost: app.example.test\r\n\r\n",
    );
    const urls = backend.requests.slice(before).map(({ url }) => url);
    assert.ok(!urls.includes("/four"), urls.join(" "));
  });

  test("a chunked upload goes on as chunked, its extensions dropped", async () => {
    const answer = await raw(
      "POST / HTTP/1.1\r\nHost: app.example.test\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5;ext=1\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.equal(backend.requests.at(-1)!.body, "hello");
  });

  test("two pipelined requests get two answers in order", async () => {
    const answer = await raw(
      "GET /first HTTP/1.1\r\nHost: app.example.test\r\n\r\nGET /second HTTP/1.1\r\nHost: app.example.test\r\nConnection: close\r\n\r\n",
    );
    assert.match(answer, /"url":"\/first"[\s\S]*"url":"\/second"/);
  });

  test("an absolute target that agrees with Host is served", async () => {
    const answer = await raw(
      "GET http://app.example.test/abs?x=1 HTTP/1.1\r\nHost: app.example.test\r\nConnection: close\r\n\r\n",
    );
    assert.match(answer, /^HTTP\/1\.1 200[\s\S]*"url":"\/abs\?x=1"/);
  });

  test("OPTIONS * and an HTTP/1.0 request are served", async () => {
    assert.match(
      await raw("OPTIONS * HTTP/1.1\r\nHost: app.example.test\r\nConnection: close\r\n\r\n"),
      /^HTTP\/1\.1 200/,
    );
    assert.match(await raw("GET / HTTP/1.0\r\nHost: app.example.test\r\n\r\n"), /^HTTP\/1\.[01] 200/);
  });

  test("CONNECT is not a way through", async () => {
    assert.doesNotMatch(
      await raw("CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: app.example.test\r\n\r\n"),
      / 200 /,
    );
    const session = await http2Session(proxy.port, proxy.ca);
    const stream = session.request({ ":method": "CONNECT", ":authority": "127.0.0.1:22" });
    const status = await new Promise<number>((resolve) => {
      stream.on("response", (headers) => resolve(Number(headers[":status"])));
      stream.on("error", () => resolve(0));
    });
    assert.ok(status === 0 || status >= 400, `answered ${status}`);
    session.destroy();
  });

  test("a header block beyond the limit is refused with 431 and costs one connection", async () => {
    assert.match(
      await raw(`GET / HTTP/1.1\r\nHost: app.example.test\r\nX-Big: ${"a".repeat(70_000)}\r\n\r\n`),
      /^HTTP\/1\.1 431/,
    );
    const session = await http2Session(proxy.port, proxy.ca);
    await assert.rejects(http2Get(session, { "x-big": "a".repeat(200_000) }));
    session.destroy();
    assert.equal((await get({ port: proxy.port, ca: proxy.ca })).status, 200);
  });

  test("a thousand small headers arrive, none is lost", async () => {
    const many = Array.from({ length: 1000 }, (_, i) => `X-H${i}: ${i}\r\n`).join("");
    const answer = await raw(`GET / HTTP/1.1\r\nHost: app.example.test\r\nConnection: close\r\n${many}\r\n`);
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.match(answer, /"x-h999":"999"/);
  });

  test("HTTP/2: Host and :authority that differ are refused", async () => {
    const session = await http2Session(proxy.port, proxy.ca);
    assert.equal(
      (await http2Get(session, { ":authority": "app.example.test", host: "evil.example" })).status,
      400,
    );
    assert.equal((await http2Get(session, { ":path": "/a#b" })).status, 400);
    session.close();
  });

  test("HTTP/2: a transfer-encoding or a connection header is refused by the protocol", async () => {
    const session = await http2Session(proxy.port, proxy.ca);
    const before = backend.requests.length;
    for (const headers of [{ "transfer-encoding": "chunked" }, { connection: "x" }]) {
      await assert.rejects(async () => {
        const reply = await http2Get(session, headers);
        if (reply.status >= 400) throw new Error("refused");
      });
    }
    assert.equal(backend.requests.length, before);
    session.destroy();
  });

  test("bytes that are not TLS do not disturb anybody", async () => {
    await new Promise<void>((resolve) => {
      const socket = connect(proxy.port, "127.0.0.1", () =>
        socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
      );
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.resume();
    });
    assert.equal((await get({ port: proxy.port, ca: proxy.ca })).status, 200);
  });

  test("a client that sends its header byte by byte is cut off after ten seconds", async function () {
    this.timeout(20_000);
    const socket = await rawTls(proxy.port, proxy.ca);
    const startedMs = performance.now();
    socket.write("GET / HTTP/1.1\r\nHost: app.example.test\r\nX-Slow: ");
    const timer = setInterval(() => socket.write("a"), 500);
    await new Promise<void>((resolve) => {
      socket.on("error", () => {});
      socket.on("close", () => resolve());
      socket.resume();
    });
    clearInterval(timer);
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs > 8000 && tookMs < 14_000, `cut off after ${tookMs} ms`);
  });
});
