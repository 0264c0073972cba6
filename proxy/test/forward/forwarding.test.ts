import assert from "node:assert/strict";
import { type Backend, startBackend } from "../support/backend.ts";
import { get, http2Get, http2Session } from "../support/client.ts";
import { httpService, removed } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

suite("forwarding", () => {
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

  test("an HTTP/1.1 request reaches the target and its answer the visitor", async () => {
    const reply = await get({
      ...proxy,
      port: proxy.port,
      ca: proxy.ca,
      path: "/a%2Fb/c?x=1&y=%20",
      headers: { "x-one": "1" },
    });
    assert.equal(reply.status, 200);
    const seen = JSON.parse(reply.body);
    assert.equal(seen.url, "/a%2Fb/c?x=1&y=%20");
    assert.equal(seen.headers["x-one"], "1");
    assert.equal(seen.headers["x-forwarded-for"], "127.0.0.1");
  });

  test("an HTTP/2 request reaches the target and its answer the visitor", async () => {
    const session = await http2Session(proxy.port, proxy.ca);
    try {
      const reply = await http2Get(session, { ":path": "/two", ":method": "POST" }, "hello");
      assert.equal(reply.status, 200);
      const seen = JSON.parse(reply.body);
      assert.equal(seen.url, "/two");
      assert.equal(seen.body, "hello");
    } finally {
      session.close();
    }
  });

  test("an unknown host and a removed service answer 404", async () => {
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "no.example.test" })).status, 404);
    await proxy.management.apply(httpService("s2", "gone.example.test", backend.url));
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "gone.example.test" })).status, 200);
    await proxy.management.apply(removed("s2"));
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "gone.example.test" })).status, 404);
  });
});
