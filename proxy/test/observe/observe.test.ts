import assert from "node:assert/strict";
import { request } from "node:http";
import { requestIds } from "../../src/observe/request-id.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { get, rawTls } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { openWebSocket, startSocketBackend } from "../support/websocket.ts";

suite("what can be seen from outside", () => {
  let proxy: TestProxy;
  let backend: Backend;
  suiteSetup(async () => {
    proxy = await startTestProxy({ NB_PROXY_HTTP_ADDRESS: "127.0.0.1:0" });
    backend = await startBackend();
    await proxy.management.apply(
      httpService("s1", "app.example.test", [
        { target: backend.url },
        { path: "/quiet", target: backend.url, options: { disableAccessLog: true } },
      ]),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });
  const at = (path: string) => fetch(`http://127.0.0.1:${proxy.app.listening.healthPort}${path}`);

  test("requests reach the server's access log with what NetBird's proxy tells", async () => {
    proxy.management.accessLogs.length = 0;
    await get({ port: proxy.port, ca: proxy.ca, path: "/deep?secret=1", method: "POST", body: "12345" });
    await until(() => proxy.management.accessLogs.length === 1);
    const record = proxy.management.accessLogs[0]!;
    assert.equal(record.accountId, "account-1");
    assert.equal(record.serviceId, "s1");
    assert.equal(record.host, "app.example.test");
    assert.equal(record.path, "/deep", "without the query");
    assert.equal(record.method, "POST");
    assert.equal(record.responseCode, 200);
    assert.equal(record.sourceIp, "127.0.0.1");
    assert.equal(record.protocol, "http");
    assert.equal(record.bytesUpload, 5n);
    assert.ok(record.bytesDownload > 100n);
    assert.match(record.logId, /^[0-9a-v]{20}$/);
    assert.equal(record.authSuccess, true);
  });

  test("targets without an access log and unknown hosts leave no record", async () => {
    proxy.management.accessLogs.length = 0;
    await get({ port: proxy.port, ca: proxy.ca, path: "/quiet/x" });
    await get({ port: proxy.port, ca: proxy.ca, host: "nobody.example.test" });
    await get({ port: proxy.port, ca: proxy.ca, path: "/seen" });
    await until(() => proxy.management.accessLogs.length > 0);
    assert.deepEqual(
      proxy.management.accessLogs.map(({ path }) => path),
      ["/seen"],
    );
  });

  test("weakness 41: what became of a request is logged as it was: left, broken off, refused, unreachable, upgraded", async () => {
    const sockets = await startSocketBackend();
    const odd = await startBackend((call, response) => {
      if (call.url === "/silent") return;
      if (call.url === "/broken") {
        response.writeHead(200, { "content-length": "1000" });
        response.write("x".repeat(100));
        setTimeout(() => response.socket?.destroy(), 20);
        return;
      }
      response.writeHead(call.url === "/own-401" ? 401 : 403).end("mine");
    });
    const host = "odd.example.test";
    const nobody = await startBackend();
    nobody.close();
    await proxy.management.apply(
      httpService("odd", host, [
        { path: "/", target: odd.url, options: { pathRewrite: 1 } },
        { path: "/ws", target: sockets.url, options: { pathRewrite: 1 } },
        { path: "/gone", target: nobody.url, options: { pathRewrite: 1 } },
      ]),
    );
    proxy.management.accessLogs.length = 0;
    const logged = async (path: string) => {
      await until(
        () => proxy.management.accessLogs.some((entry) => entry.path === path),
        `the log of ${path}`,
      );
      const { responseCode, authSuccess, metadata } = proxy.management.accessLogs.find(
        (entry) => entry.path === path,
      )!;
      return [responseCode, authSuccess, metadata];
    };
    try {
      const silent = await rawTls(proxy.port, proxy.ca, host);
      silent.write(`GET /silent HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      await until(() => odd.requests.length === 1);
      silent.destroy();
      assert.deepEqual(await logged("/silent"), [499, true, { aborted: "true" }]);
      await get({ port: proxy.port, ca: proxy.ca, host, path: "/broken" }).catch(() => {});
      const broken = { aborted: "true", answer: "upstream.connection_failed" };
      assert.deepEqual(await logged("/broken"), [200, true, broken]);
      for (const [path, status] of [
        ["/own-401", 401],
        ["/own-403", 403],
      ] as const) {
        await get({ port: proxy.port, ca: proxy.ca, host, path });
        // The target's own refusal is no failed sign-in here.
        assert.deepEqual(await logged(path), [status, true, {}]);
      }
      await get({ port: proxy.port, ca: proxy.ca, host, path: "/gone" });
      const [status, , metadata] = await logged("/gone");
      assert.equal(status, 502);
      assert.match(JSON.stringify(metadata), /upstream\./);
      const { socket } = await openWebSocket({ port: proxy.port, ca: proxy.ca, host, path: "/ws" });
      socket!.write("hello");
      await new Promise((resolve) => socket!.once("data", resolve));
      socket!.end();
      assert.equal((await logged("/ws"))[0], 101);
      const entry = proxy.management.accessLogs.find(({ path }) => path === "/ws")!;
      assert.ok(entry.bytesUpload >= 5n && entry.bytesDownload >= 5n, "bytes of the WebSocket");
    } finally {
      await proxy.management.apply(removed("odd"));
      odd.close();
      sockets.close();
    }
  });

  test("weakness 42: metrics count by published host and status, never by a host that a visitor made up", async () => {
    await get({ port: proxy.port, ca: proxy.ca });
    await get({ port: proxy.port, ca: proxy.ca, host: "made-up.example.test" });
    const text = await (await at("/metrics")).text();
    assert.match(text, /proxy_http_request_counter_total\{host="app\.example\.test",status="200"\} \d+/);
    assert.match(text, /proxy_http_request_counter_total\{host="",status="404"\} \d+/);
    assert.doesNotMatch(text, /made-up/);
    assert.match(text, /proxy_http_active_requests 0/);
    assert.match(text, /proxy_domains_count 1/);
    assert.match(text, /proxy_paths_count 2/);
    assert.match(text, /proxy_management_connected 1/);
    assert.match(text, /proxy_backend_duration_ms_milliseconds_count \d+/);
  });

  test("weakness 16: readiness does not follow the control stream", async () => {
    const other = await startTestProxy();
    other.management.stop();
    await until(() => !other.app.control.connected);
    const reply = await fetch(`http://127.0.0.1:${other.app.listening.healthPort}/healthz/ready`);
    assert.equal(reply.status, 200);
    assert.deepEqual(await reply.json(), {
      status: "ok",
      checks: {
        management_connected: false,
        initial_sync_complete: true,
        configuration_loaded: true,
        shutting_down: false,
      },
    });
    await other.close();
    assert.equal((await at("/nothing")).status, 404);
  });

  test("weakness 11: the health listener has no debug actions and no profiler", async () => {
    const { healthPort } = proxy.app.listening;
    for (const path of ["/debug", "/debug/pprof/", "/debug/clients", "/stop", "/loglevel/debug"]) {
      for (const method of ["GET", "POST"]) {
        const reply = await fetch(`http://127.0.0.1:${healthPort}${path}`, { method });
        assert.ok(reply.status === 404 || reply.status === 405, `${method} ${path}: ${reply.status}`);
      }
    }
  });

  test("weakness 33: plain HTTP leads to https for published hosts, with method and query kept", async () => {
    const ask = (host: string, path: string) =>
      new Promise<{ status: number; location: string | undefined }>((resolve, reject) => {
        const call = request(
          {
            host: "127.0.0.1",
            port: proxy.app.listening.redirectPort,
            path,
            headers: { host },
            agent: false,
          },
          (response) => {
            response.resume();
            resolve({ status: response.statusCode!, location: response.headers.location });
          },
        );
        call.on("error", reject);
        call.end();
      });
    assert.deepEqual(await ask("App.example.test:80", "/a?b=1"), {
      status: 308,
      location: "https://app.example.test/a?b=1",
    });
    assert.equal((await ask("evil.example", "/")).status, 404);
    assert.equal((await ask("a b", "/")).status, 400);
  });
});

suite("request ids", () => {
  test("are unique, sorted by time and made of base32hex", () => {
    let now = 1_700_000_000_000;
    const next = requestIds(() => now);
    const ids = Array.from({ length: 5000 }, () => next());
    assert.equal(new Set(ids).size, 5000);
    for (const id of ids) assert.match(id, /^[0-9a-v]{20}$/);
    now += 1000;
    assert.ok(next() > ids[0]!);
  });
});
