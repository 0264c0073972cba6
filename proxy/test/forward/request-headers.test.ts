import assert from "node:assert/strict";
import { type Backend, startBackend } from "../support/backend.ts";
import { exchangeRaw, get, http2Get, http2Session, rawTls } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

/** What the backend saw of one request, names in lower case. */
interface Seen {
  url: string;
  headers: Record<string, string>;
  rawHeaders: string[];
}

suite("headers on the way to the target", () => {
  let proxy: TestProxy;
  let backend: Backend;

  suiteSetup(async () => {
    proxy = await startTestProxy();
    backend = await startBackend();
    const target = backend.url;
    await proxy.management.apply(
      httpService("s1", "app.example.test", [
        { path: "/", target },
        { path: "/api", target },
        { path: "/keep", target, options: { pathRewrite: 1 } },
        {
          path: "/custom",
          target,
          options: { customHeaders: { "X-Api-Key": "secret", "X-Real-IP": "10.9.9.9" } },
        },
        { path: "/letters", target, options: { customHeaders: { "X-Team": "Küche\t€ 台所" } } },
      ]),
      httpService("s2", "host.example.test", target, { passHostHeader: true }),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  async function seen(headers: Record<string, string | string[]>, path = "/", host?: string): Promise<Seen> {
    const serverName = host?.toLowerCase().replace(/:\d+$/, "");
    const reply = await get({ port: proxy.port, ca: proxy.ca, headers, path, host, serverName });
    assert.equal(reply.status, 200, reply.body);
    return JSON.parse(reply.body);
  }

  test("weakness 10: forwarding headers of an untrusted visitor are replaced by what we know", async () => {
    const { headers, rawHeaders } = await seen({
      "X-Forwarded-For": "1.2.3.4",
      "X-Real-IP": "1.2.3.4",
      "X-Forwarded-Host": "evil",
      "X-Forwarded-Proto": "http",
      "X-Forwarded-Port": "1",
      Forwarded: "for=1.2.3.4",
      "X-Client-IP": "1.2.3.4",
      "True-Client-IP": "1.2.3.4",
      "CF-Connecting-IP": "1.2.3.4",
      "X-Forwarded-Prefix": "/evil",
      "X-Original-URL": "/admin",
    });
    assert.equal(headers["x-forwarded-for"], "127.0.0.1");
    assert.equal(headers["x-real-ip"], "127.0.0.1");
    assert.equal(headers["x-forwarded-host"], "app.example.test");
    assert.equal(headers["x-forwarded-proto"], "https");
    assert.equal(headers["x-forwarded-port"], "443");
    assert.ok(!JSON.stringify(rawHeaders).includes("1.2.3.4"));
    assert.ok(!JSON.stringify(rawHeaders).includes("evil"));
    assert.ok(!JSON.stringify(rawHeaders).includes("/admin"));
  });

  test("an identity header of the visitor never arrives, in no spelling", async () => {
    for (const name of [
      "X-NetBird-User",
      "x-netbird-groups",
      "X_NetBird_User",
      "X-Netbird_User",
      "x_forwarded_for",
      "X_Real_IP",
      "X-NETBIRD-ANYTHING",
      "X-NetBird-Identity",
      "x_netbird_identity",
      "X-NETBIRD_IDENTITY",
    ]) {
      const { rawHeaders } = await seen({ [name]: "admin" });
      assert.ok(!rawHeaders.includes("admin"), `${name} arrived`);
    }
    const harmless = await seen({ my_header: "kept" });
    assert.equal(harmless.headers.my_header, "kept");
  });

  test("what the visitor lists in Connection is not forwarded, and cannot remove our own headers", async () => {
    const socket = await rawTls(proxy.port, proxy.ca);
    const answer = await exchangeRaw(
      socket,
      "GET /list HTTP/1.1\r\nHost: app.example.test\r\nConnection: close, X-Secret, X-Forwarded-For, X-Real-IP\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nProxy-Authorization: Basic x\r\nProxy: http://evil\r\nTE: gzip, trailers\r\n\r\n",
    );
    socket.destroy();
    assert.match(answer, /^HTTP\/1.1 200/);
    const { rawHeaders } = backend.requests.at(-1)!;
    const names = rawHeaders.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    for (const gone of ["x-secret", "keep-alive", "proxy-authorization", "proxy"])
      assert.ok(!names.includes(gone), gone);
    assert.equal(rawHeaders[names.indexOf("x-forwarded-for") * 2 + 1], "127.0.0.1");
    assert.equal(rawHeaders[names.indexOf("te") * 2 + 1], "trailers");
  });

  test("weakness 38: our session cookie is taken out and every other cookie stays byte for byte", async () => {
    const odd = 'a=1;  b="x y"; weird; c=="; d=%00';
    assert.equal((await seen({ cookie: odd })).headers.cookie, odd);
    assert.equal((await seen({ cookie: `nb_session=abc; ${odd}` })).headers.cookie, odd);
    assert.equal((await seen({ cookie: "a=1; nb_session=abc; b=2" })).headers.cookie, "a=1; b=2");
    assert.equal((await seen({ cookie: "nb_session=abc" })).headers.cookie, undefined);
    assert.equal(
      (await seen({ cookie: "x_nb_session=1; nb_session2=2" })).headers.cookie,
      "x_nb_session=1; nb_session2=2",
    );
  });

  test("custom headers replace the visitor's, in every spelling", async () => {
    const { headers, rawHeaders } = await seen({ "x-api-key": "guess", X_API_KEY: "guess2" }, "/custom/a");
    assert.equal(headers["x-api-key"], "secret");
    assert.ok(!JSON.stringify(rawHeaders).includes("guess"));
  });

  // The whole service was refused for "€", and "ü" went out as Latin-1.
  test("letters of a custom header go out as UTF-8", async () => {
    const { headers } = await seen({}, "/letters");
    assert.equal(Buffer.from(headers["x-team"]!, "latin1").toString("utf8"), "Küche\t€ 台所");
  });

  test("the Host header is the target's, or the visitor's where the service asks for that", async () => {
    assert.equal((await seen({})).headers.host, `127.0.0.1:${backend.port}`);
    assert.equal((await seen({}, "/", "host.example.test")).headers.host, "host.example.test");
    assert.equal((await seen({}, "/", "HOST.example.test:443")).headers.host, "HOST.example.test:443");
  });

  test("a matched prefix is cut at its segment, the rest keeps its encoding and its query", async () => {
    assert.equal((await seen({}, "/api/a%2Fb/%C3%A9?q=%20&x")).url, "/a%2Fb/%C3%A9?q=%20&x");
    assert.equal((await seen({}, "/api")).url, "/");
    assert.equal((await seen({}, "/api?x=1")).url, "/?x=1");
    assert.equal((await seen({}, "/%61pi/x")).url, "/x");
    assert.equal((await seen({}, "/apix")).url, "/apix");
    assert.equal((await seen({}, "/api//evil.example/x")).url, "/evil.example/x");
    assert.equal((await seen({}, "/keep/a%2Fb")).url, "/keep/a%2Fb");
    assert.equal((await seen({}, "//double")).url, "//double");
  });

  test("HTTP/2 cookie crumbs arrive as one header and :authority as Host", async () => {
    const session = await http2Session(proxy.port, proxy.ca, "host.example.test");
    try {
      const reply = await http2Get(session, { cookie: ["a=1", "nb_session=x", "b=2"] });
      const { headers } = JSON.parse(reply.body) as Seen;
      assert.equal(headers.cookie, "a=1; b=2");
      assert.equal(headers.host, "host.example.test:443");
    } finally {
      session.close();
    }
  });

  test("a request that comes back to the proxy is refused instead of going round", async () => {
    await proxy.management.apply(
      httpService("loop", "loop.example.test", [
        {
          target: `https://loop.example.test:${proxy.port}/`,
          options: { skipTlsVerify: true, customHeaders: {} },
        },
      ]),
    );
    // Its own public name does not resolve here; the same chain by hand.
    const hops = (await seen({})).headers["x-netbird-hops"]!;
    const reply = await get({
      port: proxy.port,
      ca: proxy.ca,
      headers: { "x-netbird-hops": `other, ${hops}` },
    });
    assert.equal(reply.status, 421);
    assert.equal(JSON.parse(reply.body).code, "route.loop");
  });
});

suite("headers on the way to the target, behind a trusted proxy", () => {
  let proxy: TestProxy;
  let backend: Backend;

  suiteSetup(async () => {
    proxy = await startTestProxy({ NB_PROXY_TRUSTED_PROXIES: "127.0.0.0/8,10.0.0.0/8" });
    backend = await startBackend();
    await proxy.management.apply(
      httpService("s1", "app.example.test", backend.url, {
        accessRestrictions: {
          allowedCidrs: [],
          blockedCidrs: ["203.0.113.0/24"],
          allowedCountries: [],
          blockedCountries: [],
          crowdsecMode: "",
          observed: undefined,
          requestRate: undefined,
        },
      }),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  test("its forwarding headers are believed and extended", async () => {
    const reply = await get({
      port: proxy.port,
      ca: proxy.ca,
      headers: {
        "x-forwarded-for": "198.51.100.7, 10.1.1.1",
        "x-forwarded-host": "outer.example",
        "x-forwarded-proto": "http",
        "x-forwarded-port": "8080",
        "cf-connecting-ip": "198.51.100.7",
      },
    });
    const { headers } = JSON.parse(reply.body) as Seen;
    assert.equal(headers["x-forwarded-for"], "198.51.100.7, 10.1.1.1, 127.0.0.1");
    assert.equal(headers["x-real-ip"], "198.51.100.7");
    assert.equal(headers["x-forwarded-host"], "outer.example");
    assert.equal(headers["x-forwarded-proto"], "http");
    assert.equal(headers["x-forwarded-port"], "8080");
    assert.equal(headers["cf-connecting-ip"], "198.51.100.7");
  });

  test("the visitor's address is the nearest that is not a trusted proxy, whatever stands further left", async () => {
    const status = async (...lines: string[]) =>
      (await get({ port: proxy.port, ca: proxy.ca, headers: { "x-forwarded-for": lines } })).status;
    assert.equal(await status("203.0.113.9"), 403);
    assert.equal(await status("198.51.100.1, 203.0.113.9, 10.0.0.1"), 403);
    assert.equal(await status("203.0.113.9, 198.51.100.1"), 200);
    // A balancer that adds a line of its own instead of extending the visitor's.
    assert.equal(await status("198.51.100.1", "203.0.113.9"), 403);
  });
});
