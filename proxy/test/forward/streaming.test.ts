import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request } from "node:https";
import type { Socket } from "node:net";
import { type Backend, startBackend, startRawBackend } from "../support/backend.ts";
import { exchangeRaw, get, http2Get, http2Session, rawTls, readQuiet } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

suite("streaming", () => {
  let proxy: TestProxy;
  const closers: (() => void)[] = [];
  let nextId = 0;

  suiteSetup(async () => {
    proxy = await startTestProxy();
  });
  suiteTeardown(async () => {
    for (const close of closers) close();
    await proxy.close();
  });

  /** Publishes a backend under a name of its own. */
  async function publish(target: string, options: object = {}): Promise<string> {
    nextId += 1;
    const host = `s${nextId}.example.test`;
    await proxy.management.apply(httpService(`stream-${nextId}`, host, [{ target, options }]));
    return host;
  }
  async function http(handler: Parameters<typeof startBackend>[0], options: object = {}) {
    const backend = await startBackend(handler);
    closers.push(backend.close);
    return { backend, host: await publish(backend.url, options) };
  }
  async function raw(onConnection: (socket: Socket) => void, options: object = {}) {
    const backend = await startRawBackend(onConnection);
    closers.push(backend.close);
    return publish(backend.url, options);
  }
  const ask = (host: string, more: object = {}) => get({ port: proxy.port, ca: proxy.ca, host, ...more });

  test("an event stream arrives event by event", async () => {
    let sendSecond = () => {};
    const { host } = await http((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      sendSecond = () => response.end("data: 2\n\n");
    });
    const socket = await rawTls(proxy.port, proxy.ca, host);
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    const first = await readQuiet(socket, 100);
    assert.match(first, /data: 1/);
    assert.doesNotMatch(first, /data: 2/);
    sendSecond();
    assert.match(await readQuiet(socket, 100), /data: 2/);
    socket.destroy();
  });

  test("a slow visitor holds the target back instead of filling the proxy's memory", async () => {
    let written = 0;
    const chunk = Buffer.alloc(256 * 1024);
    const { host } = await http((_request, response) => {
      const more = () => {
        while (written < 512 * 1024 * 1024) {
          written += chunk.length;
          if (!response.write(chunk)) break;
        }
      };
      response.on("drain", more);
      more();
    });
    const call = request({
      host: "127.0.0.1",
      port: proxy.port,
      ca: proxy.ca,
      servername: host,
      headers: { host },
    });
    call.end();
    const [response] = await once(call, "response");
    response.pause();
    await new Promise((resolve) => setTimeout(resolve, 400));
    const before = written;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(written, before, "the target goes on although nobody reads");
    assert.ok(before < 64 * 1024 * 1024, `${before} bytes are on their way`);
    call.destroy();
  });

  test("a slow target holds the visitor's upload back", async () => {
    const { host } = await http((incoming) => {
      incoming.pause();
    });
    const call = request({
      host: "127.0.0.1",
      port: proxy.port,
      ca: proxy.ca,
      servername: host,
      method: "POST",
      headers: { host },
    });
    call.on("error", () => {});
    let sent = 0;
    const chunk = Buffer.alloc(256 * 1024);
    const more = () => {
      while (sent < 512 * 1024 * 1024) {
        sent += chunk.length;
        if (!call.write(chunk)) return;
      }
    };
    call.on("drain", more);
    more();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(sent, before, "the visitor can go on although nobody reads");
    assert.ok(before < 64 * 1024 * 1024, `${before} bytes are on their way`);
    call.destroy();
  });

  test("an upload of many megabytes arrives whole over both HTTP versions", async () => {
    const { backend, host } = await http(undefined);
    const body = "0123456789abcdef".repeat(512 * 1024);
    const one = await ask(host, { method: "POST", body });
    assert.equal(one.status, 200);
    assert.equal(backend.requests.at(-1)!.body.length, body.length);
    const session = await http2Session(proxy.port, proxy.ca, host);
    const two = await http2Get(session, { ":method": "PUT" }, body);
    session.close();
    assert.equal(two.status, 200);
    assert.ok(backend.requests.at(-1)!.body === body);
  });

  test("a visitor who leaves ends the request to the target", async () => {
    let closed = false;
    const { backend, host } = await http((incoming, response) => {
      incoming.socket.on("close", () => {
        closed = true;
      });
      response.write("x");
    });
    const before = backend.requests.length;
    const socket = await rawTls(proxy.port, proxy.ca, host);
    socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await until(() => backend.requests.length > before);
    socket.destroy();
    await until(() => closed, "the target's connection to close");
  });

  test("a visitor who cancels an HTTP/2 stream ends that request only", async () => {
    let closed = 0;
    const { backend, host } = await http((incoming, response) => {
      incoming.socket.on("close", () => {
        closed += 1;
      });
      if (incoming.url === "/slow") response.write("x");
      else response.end("fine");
    });
    const session = await http2Session(proxy.port, proxy.ca, host);
    const slow = session.request({ ":path": "/slow" });
    slow.on("error", () => {});
    await until(() => backend.requests.some(({ url }) => url === "/slow"));
    slow.close(8);
    await until(() => closed === 1, "the target's connection to close");
    assert.equal((await http2Get(session, { ":path": "/" })).body, "fine");
    session.close();
  });

  test("an answer that breaks off is not passed on as a whole one", async () => {
    const host = await raw((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        setTimeout(() => socket.destroy(), 50);
      });
    });
    await assert.rejects(ask(host), /aborted|hang up|ECONNRESET/);
    const session = await http2Session(proxy.port, proxy.ca, host);
    await assert.rejects(http2Get(session), /PROTOCOL_ERROR|INTERNAL_ERROR/);
    session.close();
    const chunked = await raw((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        setTimeout(() => socket.destroy(), 50);
      });
    });
    await assert.rejects(ask(chunked), /aborted|hang up|ECONNRESET/);
    const other = await http2Session(proxy.port, proxy.ca, chunked);
    await assert.rejects(http2Get(other), /INTERNAL_ERROR/);
    other.close();
  });

  test("trailers arrive over both HTTP versions", async () => {
    const { host } = await http((_request, response) => {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("body");
      response.addTrailers({ "x-sum": "42" });
      response.end();
    });
    assert.equal((await ask(host)).trailers["x-sum"], "42");
    const session = await http2Session(proxy.port, proxy.ca, host);
    assert.equal((await http2Get(session)).trailers["x-sum"], "42");
    session.close();
  });

  test("early hints are passed on, and the answer after them", async () => {
    const { host } = await http((_request, response) => {
      response.writeEarlyHints({ link: "</a.css>; rel=preload" });
      response.end("done");
    });
    const socket = await rawTls(proxy.port, proxy.ca, host);
    const answer = await exchangeRaw(socket, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 103 [\s\S]*link: <\/a\.css>[\s\S]*HTTP\/1\.1 200 [\s\S]*done/i);
    const session = await http2Session(proxy.port, proxy.ca, host);
    const stream = session.request({ ":path": "/" });
    let hinted = "";
    stream.on("headers", (headers) => {
      hinted = String(headers.link);
    });
    stream.resume();
    await once(stream, "end");
    assert.match(hinted, /a\.css/);
    session.close();
  });

  test("Expect: 100-continue is answered, and the body follows", async () => {
    const { backend, host } = await http(undefined);
    const socket = await rawTls(proxy.port, proxy.ca, host);
    const interim = await exchangeRaw(
      socket,
      `POST / HTTP/1.1\r\nHost: ${host}\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n`,
      100,
    );
    assert.match(interim, /^HTTP\/1\.1 100 Continue/);
    assert.match(await exchangeRaw(socket, "hello"), /^HTTP\/1\.1 200/);
    assert.equal(backend.requests.at(-1)!.body, "hello");
    assert.ok(!backend.requests.at(-1)!.rawHeaders.some((name) => /^expect$/i.test(name)));
  });

  test("HEAD, 204 and 304 have no body and the connection goes on", async () => {
    const { host } = await http((incoming, response) => {
      if (incoming.url === "/204") response.writeHead(204).end();
      else if (incoming.url === "/304") response.writeHead(304, { etag: '"x"' }).end();
      else response.writeHead(200, { "content-length": 5 }).end("hello");
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const head = await ask(host, { method: "HEAD", agent });
    assert.equal(head.status, 200);
    assert.equal(head.headers["content-length"], "5");
    assert.equal((await ask(host, { path: "/204", agent })).status, 204);
    assert.equal((await ask(host, { path: "/304", agent })).headers.etag, '"x"');
    assert.equal((await ask(host, { agent })).body, "hello");
    agent.destroy();
  });

  test("several Set-Cookie headers stay several", async () => {
    const { host } = await http((_request, response) => {
      response.writeHead(200, { "set-cookie": ["a=1; Path=/", "b=2, 3"] }).end();
    });
    assert.deepEqual((await ask(host)).headers["set-cookie"], ["a=1; Path=/", "b=2, 3"]);
    const session = await http2Session(proxy.port, proxy.ca, host);
    assert.deepEqual((await http2Get(session)).headers["set-cookie"], ["a=1; Path=/", "b=2, 3"]);
    session.close();
  });

  test("hop-by-hop headers of the answer stay between the target and us", async () => {
    const host = await raw((socket) => {
      socket.on("data", () => {
        socket.write(
          "HTTP/1.1 200 OK\r\nConnection: X-Internal\r\nX-Internal: 1\r\nProxy-Authenticate: Basic\r\nKeep-Alive: timeout=9\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok",
        );
      });
    });
    const session = await http2Session(proxy.port, proxy.ca, host);
    const { headers } = await http2Get(session);
    session.close();
    assert.equal(headers["x-kept"], "1");
    for (const gone of ["x-internal", "proxy-authenticate", "keep-alive", "connection"]) {
      assert.equal(headers[gone], undefined, gone);
    }
  });
});

suite("connections to targets", () => {
  let proxy: TestProxy;
  const closers: (() => void)[] = [];

  suiteSetup(async () => {
    proxy = await startTestProxy({ NB_PROXY_MAX_INFLIGHT: "3" });
  });
  suiteTeardown(async () => {
    for (const close of closers) close();
    await proxy.close();
  });
  const ask = (host: string, more: object = {}) => get({ port: proxy.port, ca: proxy.ca, host, ...more });

  test("a kept connection serves the next request", async () => {
    const sockets = new Set<Socket>();
    const backend: Backend = await startBackend((incoming, response) => {
      sockets.add(incoming.socket);
      response.end("x");
    });
    closers.push(backend.close);
    await proxy.management.apply(httpService("keep", "keep.example.test", backend.url));
    for (let i = 0; i < 10; i++) assert.equal((await ask("keep.example.test")).status, 200);
    assert.ok(sockets.size <= 2, `${sockets.size} connections for 10 requests`);
  });

  test("a target that closes a kept connection while a request is on its way is asked again", async () => {
    // The race of every keep-alive time-out: the connection dies with the next request's bytes in it.
    let connections = 0;
    let requests = 0;
    const target = await startRawBackend((socket) => {
      connections += 1;
      let served = 0;
      socket.on("data", () => {
        requests += 1;
        if (served === 1) {
          socket.destroy();
          return;
        }
        served += 1;
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
    });
    closers.push(target.close);
    await proxy.management.apply(httpService("stale", "stale.example.test", target.url));
    for (let i = 0; i < 20; i++) assert.equal((await ask("stale.example.test")).body, "ok");
    assert.ok(
      requests > 25,
      `only ${requests} requests over ${connections} connections: the race did not happen`,
    );
  });

  test("a request that must not be repeated is not, and does not take a connection that may be dying", async () => {
    const seen: string[] = [];
    const target = await startRawBackend((socket) => {
      let served = 0;
      socket.on("data", (data: Buffer) => {
        if (!data.toString().startsWith("POST")) {
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
          served += 1;
          return;
        }
        seen.push(`after ${served}`);
        if (served > 0) socket.destroy();
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      });
    });
    closers.push(target.close);
    await proxy.management.apply(httpService("post", "post.example.test", target.url));
    assert.equal((await ask("post.example.test")).body, "ok");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    assert.equal((await ask("post.example.test", { method: "POST", body: "x" })).body, "ok");
    assert.deepEqual(seen, ["after 0"]);
    // On a connection in steady use a failure is a failure.
    assert.equal((await ask("post.example.test", { method: "GET" })).status, 200);
    assert.equal((await ask("post.example.test", { method: "POST", body: "x" })).status, 502);
    assert.equal(seen.length, 2, "sent once");
  });

  test("weakness 18: beyond the limit of requests in flight visitors get 503 and are told to come back", async () => {
    const held: (() => void)[] = [];
    const backend = await startBackend((_request, response) => {
      held.push(() => response.end("x"));
    });
    closers.push(backend.close);
    await proxy.management.apply(httpService("busy", "busy.example.test", backend.url));
    const three = [1, 2, 3].map(() => ask("busy.example.test"));
    await until(() => held.length === 3);
    const fourth = await ask("busy.example.test");
    assert.equal(fourth.status, 503);
    assert.equal(fourth.headers["retry-after"], "1");
    assert.equal(JSON.parse(fourth.body).code, "proxy.overloaded");
    for (const release of held) release();
    for (const reply of await Promise.all(three)) assert.equal(reply.status, 200);
    const after = ask("busy.example.test");
    await until(() => held.length === 4);
    held[3]!();
    assert.equal((await after).status, 200);
  });
});

suite("failures of targets", () => {
  let proxy: TestProxy;
  const closers: (() => void)[] = [];
  let nextId = 0;

  suiteSetup(async () => {
    proxy = await startTestProxy();
  });
  suiteTeardown(async () => {
    for (const close of closers) close();
    await proxy.close();
  });
  async function reply(target: string, options: object = {}, accept?: string) {
    nextId += 1;
    const host = `f${nextId}.example.test`;
    await proxy.management.apply(httpService(`f-${nextId}`, host, [{ target, options }]));
    return get({ port: proxy.port, ca: proxy.ca, host, headers: accept === undefined ? {} : { accept } });
  }
  async function rawReply(bytes: string, options: object = {}) {
    const target = await startRawBackend((socket) => {
      socket.on("data", () => {
        if (bytes === "") return;
        socket.write(bytes, "latin1");
        setTimeout(() => socket.end(), 50);
      });
    });
    closers.push(target.close);
    return reply(target.url, options);
  }

  test("nothing listens: 502 with a code, a hint and the request id", async () => {
    const dead = await startRawBackend(() => {});
    dead.close();
    const answer = await reply(dead.url);
    assert.equal(answer.status, 502);
    const body = JSON.parse(answer.body);
    assert.equal(body.code, "upstream.refused");
    assert.ok(body.hint.length > 0);
    assert.match(body.request_id, /^[0-9a-v]{20}$/);
  });

  test("a browser gets a page that nobody can frame and nothing can be loaded into", async () => {
    const dead = await startRawBackend(() => {});
    dead.close();
    const answer = await reply(dead.url, {}, "text/html,application/xhtml+xml");
    assert.equal(answer.status, 502);
    assert.match(answer.headers["content-type"]!, /text\/html/);
    assert.match(answer.body, /Service Unavailable/);
    assert.match(String(answer.headers["content-security-policy"]), /frame-ancestors 'none'/);
    assert.equal(answer.headers["cache-control"], "no-store");
  });

  test("weakness 19: no answer in time: 504", async () => {
    const answer = await rawReply("", { requestTimeout: { seconds: 0n, nanos: 200_000_000 } });
    assert.equal(answer.status, 504);
    assert.equal(JSON.parse(answer.body).code, "upstream.timeout");
  });

  test("what is not HTTP: 502", async () => {
    for (const bytes of [
      "SSH-2.0-OpenSSH_9\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
      "HTTP/1.1 999999 What\r\n\r\n",
    ]) {
      const answer = await rawReply(bytes).catch((error: Error) => error);
      // Nothing of it may reach the visitor as a success.
      if (!(answer instanceof Error)) assert.equal(answer.status, 502, bytes);
    }
  });

  test("a name that does not resolve: 502 with that reason", async () => {
    const answer = await reply("http://does-not-exist.invalid:80/");
    assert.equal(answer.status, 502);
    assert.equal(JSON.parse(answer.body).code, "upstream.unresolved");
  });

  test("an account without a tunnel: 502, peer not connected", async () => {
    const answer = await reply("http://100.64.0.1:80/", { directUpstream: false });
    assert.equal(answer.status, 502);
    assert.equal(JSON.parse(answer.body).code, "upstream.peer_not_connected");
  });

  test("robots.txt of an unknown or failing host asks not to be indexed only where we answer ourselves", async () => {
    const unknown = await get({
      port: proxy.port,
      ca: proxy.ca,
      host: "nobody.example.test",
      path: "/robots.txt",
    });
    assert.equal(unknown.status, 200);
    assert.match(unknown.body, /Disallow: \//);
  });
});
