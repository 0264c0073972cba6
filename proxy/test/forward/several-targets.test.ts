import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type Backend, startBackend, startRawBackend } from "../support/backend.ts";
import { type Ask, get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService, type TargetSketch } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { openWebSocket, startSocketBackend } from "../support/websocket.ts";

suite("weakness 17: targets that share a path", () => {
  let proxy: TestProxy;
  let one: Backend;
  let other: Backend;
  /** Takes connections, so that its probe succeeds, and breaks off every TLS handshake. */
  let unconnectable: Awaited<ReturnType<typeof startRawBackend>>;
  let failing = "";
  // Nobody listens on tcpmux.
  const refusing = "http://127.0.0.1:1/";
  suiteSetup(async () => {
    proxy = await startTestProxy();
  });
  suiteTeardown(() => proxy.close());
  setup(async () => {
    one = await startBackend();
    other = await startBackend();
    unconnectable = await startRawBackend((socket) => socket.once("data", () => socket.destroy()));
    failing = `https://127.0.0.1:${unconnectable.port}/`;
    proxy.management.accessLogs.length = 0;
  });
  teardown(() => {
    one.close();
    other.close();
    unconnectable.close();
  });

  let count = 0;
  /** A service with these targets on its path. @returns how to visit it */
  async function publish(
    ...targets: (string | TargetSketch)[]
  ): Promise<(ask?: Partial<Ask>) => ReturnType<typeof get>> {
    count += 1;
    const host = `shared-${count}.example.test`;
    const sketches = targets.map((target) => (typeof target === "string" ? { target } : target));
    await proxy.management.apply(httpService(`shared-${count}`, host, sketches));
    return (ask = {}) => get({ port: proxy.port, ca: proxy.ca, host, ...ask });
  }
  /** A target of the newest service. */
  const isReportedRefused = () =>
    proxy.management.reports.some(({ services }) =>
      services.some(
        ({ serviceId, targets }) =>
          serviceId === `shared-${count}` && targets.some(({ reason }) => reason === "target.refused"),
      ),
    );
  const metric = async (name: string) => {
    const text = await proxy.app.metrics.registry.metrics();
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
  };

  test("requests take turns among those that are free", async () => {
    const visit = await publish(one.url, other.url);
    for (let n = 0; n < 20; n += 1) assert.equal((await visit()).status, 200);
    assert.deepEqual([one.requests.length, other.requests.length], [10, 10]);
  });

  test("each is sent the headers, and below the path, that it is meant to get", async () => {
    const visit = await publish(
      { path: "/api", target: `${one.url}v1`, options: { customHeaders: { "x-which": "one" } } },
      { path: "/api/", target: `${other.url}v2`, options: { customHeaders: { "x-which": "other" } } },
    );
    const seen = [await visit({ path: "/api/x" }), await visit({ path: "/api/x" })]
      .map(({ body }) => JSON.parse(body))
      .map(({ url, headers }) => `${url} ${headers["x-which"]} ${headers.host}`);
    assert.deepEqual(seen.sort(), [`/v1/x one 127.0.0.1:${one.port}`, `/v2/x other 127.0.0.1:${other.port}`]);
  });

  test("a busy one gets no more while another is free", async () => {
    let release = () => {};
    const busy = await startBackend((_request, response) => {
      release = () => response.end("late");
    });
    try {
      const visit = await publish(busy.url, other.url);
      const waiting = visit();
      await until(() => busy.requests.length === 1, "the first request");
      for (let n = 0; n < 6; n += 1) assert.equal((await visit()).status, 200);
      assert.deepEqual([busy.requests.length, other.requests.length], [1, 6]);
      release();
      assert.equal((await waiting).body, "late");
    } finally {
      busy.close();
    }
  });

  test("one that its probe cannot reach is left alone", async () => {
    const visit = await publish(refusing, one.url);
    await until(isReportedRefused, "the finding of the probe");
    for (let n = 0; n < 10; n += 1) assert.equal((await visit()).status, 200);
    assert.equal(one.requests.length, 10);
    await until(() => proxy.management.accessLogs.length === 10, "the access log");
    for (const { metadata } of proxy.management.accessLogs)
      assert.deepEqual(metadata, { target: `127.0.0.1:${one.port}` });
  });

  test("no request fails while one of them takes connections", async () => {
    const visit = await publish(failing, one.url);
    const before = await metric("proxy_http_failovers_total");
    for (let n = 0; n < 10; n += 1) assert.equal((await visit()).status, 200);
    assert.equal(one.requests.length, 10);
    // Every other request until the circuit is open.
    assert.equal((await metric("proxy_http_failovers_total")) - before, 3);
    await until(() => proxy.management.accessLogs.length === 10, "the access log");
    assert.deepEqual(proxy.management.accessLogs[0]!.metadata, {
      target: `127.0.0.1:${one.port}`,
      failed_over: "1",
    });
  });

  test("a body that nobody has seen yet goes whole to the next one", async () => {
    const visit = await publish(failing, one.url);
    const body = "x".repeat(300_000);
    const reply = await visit({ method: "POST", body });
    assert.equal(reply.status, 200);
    assert.equal(JSON.parse(reply.body).body, body);
    await until(() => proxy.management.accessLogs.length === 1, "the access log");
    assert.equal(proxy.management.accessLogs[0]!.metadata.failed_over, "1");
  });

  test("a WebSocket opens at the one that takes connections", async () => {
    const sockets = await startSocketBackend();
    try {
      await publish(failing, sockets.url);
      const host = `shared-${count}.example.test`;
      const { status, socket } = await openWebSocket({ port: proxy.port, ca: proxy.ca, host });
      assert.equal(status, 101);
      socket!.destroy();
      await until(() => proxy.management.accessLogs.length === 1, "the access log");
      assert.equal(proxy.management.accessLogs[0]!.metadata.failed_over, "1");
    } finally {
      sockets.close();
    }
  });

  for (const [method, outcome] of [
    ["GET", "is answered by another"],
    ["POST", "goes on waiting: it may have been acted upon"],
  ] as const) {
    test(`a ${method} that waits for one that is found to be gone ${outcome}`, async () => {
      const held = new Set<Socket>();
      const silent = createServer((socket) => held.add(socket.on("error", () => {}).resume()));
      await once(silent.listen(0, "127.0.0.1"), "listening");
      try {
        const visit = await publish(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/`, one.url);
        await until(() => held.size > 0, "the first probe");
        const status = visit({ method }).then((reply) => reply.status);
        await until(() => [...held].some(({ bytesRead }) => bytesRead > 0), "the request");
        // Connections that are there stay, as those of a machine that was switched off do.
        silent.close();
        await until(isReportedRefused, "the finding of the probe", 10_000);
        const soon = new Promise((resolve) => setTimeout(resolve, 200, "waiting"));
        assert.equal(await Promise.race([status, soon]), method === "GET" ? 200 : "waiting");
        status.catch(() => {});
      } finally {
        for (const socket of held) socket.destroy();
      }
    }).timeout(15_000);
  }

  suite("when one breaks before it answers", () => {
    let breaking: Awaited<ReturnType<typeof startRawBackend>>;
    let broken = 0;
    setup(async () => {
      broken = 0;
      breaking = await startRawBackend((socket) => {
        socket.once("data", () => {
          broken += 1;
          socket.destroy();
        });
      });
    });
    teardown(() => breaking.close());

    test("what may be repeated goes to another", async () => {
      const visit = await publish(breaking.url, one.url);
      const replies = [await visit(), await visit()];
      assert.deepEqual(
        replies.map(({ status }) => status),
        [200, 200],
      );
      assert.ok(broken > 0);
    });

    test("what it may have acted upon does not", async () => {
      const visit = await publish(breaking.url, one.url);
      const replies = [await visit({ method: "POST" }), await visit({ method: "POST" })];
      assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 502]);
      assert.equal(broken, 1);
      assert.equal(one.requests.length, 1);
    });
  });

  test("when none takes connections the visitor is told so, after each was tried once", async () => {
    const visit = await publish(refusing, "http://127.0.0.1:2/");
    const reply = await visit();
    assert.equal(reply.status, 502);
    assert.equal(JSON.parse(reply.body).code, "upstream.refused");
  });

  test("targets that would see different paths are refused", async () => {
    const already = proxy.management.acks.length;
    await proxy.management.apply(
      httpService("mixed", "mixed.example.test", [
        { path: "/api", target: one.url },
        { path: "/api", target: other.url, options: { pathRewrite: 1 } },
      ]),
    );
    await until(() => proxy.management.acks.length > already, "the answer");
    const rejection = proxy.management.acks.flatMap(({ rejections }) => rejections).at(-1);
    assert.equal(rejection?.serviceId, "mixed");
    assert.match(rejection.message, /\/api differ in path_rewrite/);
  });
});
