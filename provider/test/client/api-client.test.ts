import assert from "node:assert/strict";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect as connectTcp, createServer } from "node:net";
import { ApiClient } from "../../src/client/api-client.ts";
import { describeApiFailure } from "../../src/client/describe-failure.ts";
import { directTransport } from "../../src/client/direct-transport.ts";
import { ApiFailure, NetworkFailure } from "../../src/client/failure.ts";
import { proxiedTransport } from "../../src/client/proxied-transport.ts";
import type { Transport } from "../../src/client/transport.ts";
import { ManagementServer, TOKEN } from "../support/management-server.ts";

suite("the API client", () => {
  let server: ManagementServer;
  let client: ApiClient;
  const signal = new AbortController().signal;

  function connect(
    options: { url?: string; maxRetries?: number; timeoutMs?: number; token?: string; send?: Transport } = {},
  ) {
    return new ApiClient({
      managementUrl: new URL(options.url ?? server.url),
      token: options.token ?? TOKEN,
      userAgent: "terraform-provider-netbird/test",
      requestTimeoutMs: options.timeoutMs ?? 5_000,
      maxRetries: options.maxRetries ?? 3,
      concurrency: 10,
      headers: new Map([["X-Gateway", "abc"]]),
      transport: options.send
        ? { send: options.send, close() {} }
        : directTransport({ maxConnections: 10, caCertificatePem: undefined, insecure: false }),
      log: () => {},
      random: () => 0,
    });
  }

  setup(async () => {
    server = new ManagementServer();
    await server.start();
    client = connect();
  });
  teardown(async () => {
    client.close();
    await server.stop();
  });

  test("sends token, agent and extra headers, and takes an address that ends in /api", async () => {
    client = connect({ url: `${server.url}/api/` });
    await client.get("/groups", signal);
    const { headers, path } = server.requests[0]!;
    assert.equal(path, "/groups");
    assert.equal(headers.authorization, `Token ${TOKEN}`);
    assert.match(headers["user-agent"], /terraform/);
    assert.equal(headers["x-gateway"], "abc");
  });

  test("refreshing many objects costs two requests", async () => {
    for (let index = 0; index < 20; index += 1) await client.post("/groups", { name: `g${index}` }, signal);
    server.requests.length = 0;
    const ids = [...server.groups.keys()];
    const found = await Promise.all(
      ids.map((id) => client.find<{ id: string; name: string }>("/groups", id, signal)),
    );
    assert.deepEqual(
      found.map(({ id }) => id),
      ids,
    );
    assert.equal(server.requests.length, 2);
  });

  test("what the list lacks is asked for by itself, and a write makes lists stale", async () => {
    await client.post("/groups", { name: "a" }, signal);
    const [id] = [...server.groups.keys()];
    await client.find("/groups", id!, signal);
    await client.find("/groups", id!, signal);
    await assert.rejects(
      client.find("/groups", "gone", signal),
      (error) => error instanceof ApiFailure && error.status === 404,
    );
    await client.put(`/groups/${id}`, { name: "b" }, signal);
    assert.equal((await client.find<{ id: string; name: string }>("/groups", id!, signal)).name, "b");
  });

  test("a throttled request is repeated after the time the server named, and all others wait too", async () => {
    server.fault("GET", /^\/groups/, { status: 429, headers: { "retry-after": "1" } });
    const startedMs = Date.now();
    await client.get("/groups", signal).catch(() => {});
    // The first was throttled by then; a request that comes now must not pass it.
    await client.get("/peers", signal);
    assert.ok(Date.now() - startedMs >= 990);
    assert.deepEqual(server.seen(/./), ["GET /groups", "GET /groups", "GET /peers"]);
  });

  test("passing failures are repeated, others are not", async () => {
    server.fault("GET", /^\/groups/, { status: 502, times: 2 });
    await client.get("/groups", signal);
    assert.equal(server.requests.length, 3);
    server.fault("GET", /^\/groups/, { status: 500 });
    await assert.rejects(client.get("/groups", signal), ApiFailure);
    assert.equal(server.requests.length, 4);
  });

  test("a cut connection is repeated for a read and told apart for a POST", async () => {
    server.fault("GET", /^\/groups/, { cut: true });
    await client.get("/groups", signal);
    server.fault("POST", /^\/groups/, { cut: true });
    await assert.rejects(
      client.post("/groups", { name: "a" }, signal),
      (error) => error instanceof NetworkFailure && error.mayHaveHappened,
    );
    assert.equal(server.seen(/^POST/).length, 1);
  });

  test("a server that is not there is repeated for a POST too, because nothing was sent", async () => {
    client = connect({ url: "http://127.0.0.1:1", maxRetries: 1 });
    await assert.rejects(
      client.post("/groups", {}, signal),
      (error) => error instanceof NetworkFailure && !error.mayHaveHappened && error.attempts === 2,
    );
  });

  test("an abort ends waiting and reading at once, but never cuts a write", async () => {
    const abort = new AbortController();
    server.fault("GET", /^\/groups/, { status: 503, headers: { "retry-after": "60" } });
    const reading = client.get("/groups", abort.signal);
    setTimeout(() => abort.abort(new Error("stopped")), 50);
    await assert.rejects(reading, /stopped/);
    server.writeDelayMs = 100;
    const second = new AbortController();
    const writing = client.post<{ name: string }>("/groups", { name: "kept" }, second.signal);
    setTimeout(() => second.abort(new Error("stopped")), 30);
    assert.equal((await writing).name, "kept");
  });

  test("a request that is not answered in time says so", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    client = connect({
      timeoutMs: 50,
      maxRetries: 0,
      url: `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    });
    await assert.rejects(client.get("/groups", signal), /no answer within 0.05 s/);
    client.close();
    silent.close();
  });

  test("dry runs are sent only where they are announced", async () => {
    const body = { name: "s", domain: "s.proxy.example.test", targets: [] };
    assert.ok(await client.dryRun("POST", "/reverse-proxies/services", body, signal));
    assert.equal(server.services.size, 0);
    await server.stop();
    server = new ManagementServer({ ours: false });
    await server.start();
    client = connect();
    assert.equal(await client.dryRun("POST", "/reverse-proxies/services", body, signal), undefined);
    assert.deepEqual(server.seen(/^POST/), []);
  });

  test("a server that can wait for proxies is asked to, for less than a request may take, and its word is passed on", async () => {
    const asked: string[] = [];
    const said = {
      status: 200,
      body: "{}",
      headers: { "netbird-applied": "false" } as Record<string, string>,
    };
    let features = ["deletion_wait"];
    const send: Transport = async ({ url }) => {
      const { pathname, search } = url;
      if (pathname.endsWith("/instance")) return { ...said, body: JSON.stringify({ features }), headers: {} };
      asked.push(pathname + search);
      return said;
    };
    const drop = (options: object = {}) =>
      connect({ send, timeoutMs: 30_000, ...options }).deleteServed("/reverse-proxies/services/s", signal, {
        tag: undefined,
        waitMs: 60_000,
      });
    assert.equal(await drop(), false);
    said.headers = { "netbird-applied": "true" };
    assert.equal(await drop({ timeoutMs: 8_000 }), true);
    features = [];
    said.headers = {};
    assert.equal(await drop(), undefined);
    assert.deepEqual(asked, [
      "/api/reverse-proxies/services/s?wait=15",
      "/api/reverse-proxies/services/s?wait=4",
      "/api/reverse-proxies/services/s",
    ]);
  });

  // The failure was taken for "offers nothing", and a plan that nobody had checked looked like one that was.
  test("a server that cannot say what it offers does not pass for one without dry runs", async () => {
    client = connect({ maxRetries: 0 });
    const body = { name: "s", domain: "s.proxy.example.test", targets: [] };
    const dryRun = () => client.dryRun("POST", "/reverse-proxies/services", body, signal);
    server.fault("GET", /^\/instance/, { status: 503, times: 1 });
    await assert.rejects(dryRun(), (error) => error instanceof ApiFailure && error.status === 503);
    server.fault("GET", /^\/instance/, { cut: true, times: 1 });
    await assert.rejects(dryRun(), NetworkFailure);
    assert.ok(await dryRun());
    server.fault("GET", /^\/instance/, { status: 404, times: 1 });
    client = connect();
    assert.equal(await dryRun(), undefined);
  });

  test("a sentence does not begin with a name in capitals, and a refused token says where it is set", () => {
    const describe = (status: number, message: string, hint: string) => {
      const answer = { status, message, hint, attempts: 1, elapsedMs: 0 };
      const failure = new ApiFailure({ method: "GET", url: "http://x/api/groups" }, answer);
      return describeApiFailure(failure, { doing: "plan", attributeOf: () => undefined })?.[0]?.detail ?? "";
    };
    assert.match(
      describe(412, "shop.example.com is under no cluster", ""),
      /^shop\.example\.com is under no cluster\./,
    );
    assert.match(
      describe(422, "peer x does not exist", "use another"),
      /^Peer x does not exist\.\nUse another\./,
    );
    assert.match(
      describe(401, "token invalid", "make a new token"),
      /Make a new token\.\nCheck `token`.*NB_PAT/,
    );
  });

  test("an answer that is no JSON asks whether this is a management server", async () => {
    server.fault("GET", /^\/groups/, { status: 200, body: "<html>hello</html>" });
    await assert.rejects(client.get("/groups", signal), /is this the address of a management server/);
  });

  test("goes through a forward proxy, except where it should not", async () => {
    const tunnels: string[] = [];
    const forwarder = createHttpServer();
    forwarder.on("connect", (request, socket) => {
      tunnels.push(request.url!);
      const [host, port] = request.url!.split(":");
      const onward = connectTcp(Number(port), host, () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
      socket.pipe(onward).pipe(socket);
      onward.once("error", () => socket.destroy());
      socket.once("error", () => onward.destroy());
    });
    await new Promise<void>((resolve) => forwarder.listen(0, "127.0.0.1", resolve));
    const forwarderUrl = `http://127.0.0.1:${(forwarder.address() as AddressInfo).port}`;
    for (const [except, expected] of [
      ["", 1],
      ["127.0.0.1", 0],
    ] as const) {
      tunnels.length = 0;
      const transport = proxiedTransport(
        { maxConnections: 2, caCertificatePem: undefined, insecure: false },
        { http: forwarderUrl, https: undefined, except },
      );
      const url = new URL(`${server.url}/api/instance`);
      const { status } = await transport.send({ method: "GET", url, headers: {}, body: undefined, signal });
      assert.equal(status, 200);
      assert.equal(tunnels.length, expected);
      transport.close();
    }
    forwarder.closeAllConnections();
    forwarder.close();
  });
});

suite("failures in words", () => {
  const context = {
    doing: "create netbird_group",
    attributeOf: (field: string) => (field === "name" ? ["name"] : undefined),
  };
  const failure = (status: number, more: object = {}) =>
    new ApiFailure(
      { method: "POST", url: "https://netbird.example/api/groups" },
      { status, message: "name is taken", attempts: 1, elapsedMs: 5, ...more },
    );

  test("name the attribute, the advice and the request", () => {
    const [diagnostic] = describeApiFailure(
      failure(409, { code: "group.name_taken", path: "name", hint: "choose another name", requestId: "r1" }),
      context,
    )!;
    assert.deepEqual(diagnostic!.path, ["name"]);
    assert.match(diagnostic!.summary, /create netbird_group/);
    assert.match(diagnostic!.detail, /Name is taken\.\nChoose another name\./);
    assert.match(diagnostic!.detail, /answered 409, group\.name_taken, request r1/);
  });

  test("name a field that is no attribute", () => {
    assert.match(
      describeApiFailure(failure(422, { path: "odd[1]" }), context)![0]!.detail,
      /Field of the API: odd\[1\]/,
    );
  });

  test("of other kinds are left to others", () => {
    assert.equal(describeApiFailure(new Error("x"), context), undefined);
  });
});
