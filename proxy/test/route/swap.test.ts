import assert from "node:assert/strict";
import { Agent } from "node:https";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

/** Repeatable randomness; the seed is printed with a failure. */
function random(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

suite("changing configuration under load", () => {
  let proxy: TestProxy;
  let blue: Backend;
  let green: Backend;

  suiteSetup(async () => {
    proxy = await startTestProxy();
    blue = await startBackend((_request, response) => response.end("blue"));
    green = await startBackend((_request, response) => response.end("green"));
  });
  suiteTeardown(async () => {
    blue.close();
    green.close();
    await proxy.close();
  });

  test("no request fails or meets a half-applied service during 1000 random changes", async () => {
    const seed = Date.now() & 0xffff;
    const pick = random(seed);
    const host = "main.example.test";
    await proxy.management.apply(httpService("main", host, blue.url));
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    let running = true;
    let sent = 0;
    const failures: string[] = [];
    const visitor = async () => {
      while (running) {
        try {
          const reply = await get({ port: proxy.port, ca: proxy.ca, host, agent, path: "/api/x" });
          sent += 1;
          if (reply.status !== 200 || !["blue", "green"].includes(reply.body)) {
            failures.push(`${reply.status} ${reply.body}`);
          }
        } catch (error) {
          failures.push(String(error));
        }
      }
    };
    const visitors = Array.from({ length: 8 }, visitor);
    for (let change = 0; change < 1000; change++) {
      const target = pick(2) === 0 ? blue.url : green.url;
      switch (pick(5)) {
        case 0:
          await proxy.management.apply(httpService("main", host, target));
          break;
        case 1:
          await proxy.management.apply(
            httpService("main", host, [
              { target },
              { path: "/api", target: pick(2) === 0 ? blue.url : green.url },
            ]),
          );
          break;
        case 2:
          await proxy.management.apply(
            httpService("main", host, target, { rewriteRedirects: pick(2) === 0 }),
          );
          break;
        case 3:
          await proxy.management.apply(
            httpService(`other-${pick(20)}`, `other-${pick(20)}.example.test`, target),
          );
          break;
        default:
          await proxy.management.apply(removed(`other-${pick(20)}`));
      }
    }
    running = false;
    await Promise.all(visitors);
    agent.destroy();
    assert.deepEqual(failures, [], `seed ${seed}`);
    assert.ok(sent > 200, `only ${sent} requests were sent`);
  });

  test("a request under way finishes on the configuration it started with", async () => {
    let finish = () => {};
    const slow = await startBackend((_request, response) => {
      response.write("started ");
      finish = () => response.end("and finished");
    });
    await proxy.management.apply(httpService("slow", "slow.example.test", slow.url));
    const reply = get({ port: proxy.port, ca: proxy.ca, host: "slow.example.test" });
    await until(() => slow.requests.length > 0);
    await proxy.management.apply(httpService("slow", "slow.example.test", blue.url));
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "slow.example.test" })).body, "blue");
    await proxy.management.apply(removed("slow"));
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "slow.example.test" })).status, 404);
    finish();
    assert.equal((await reply).body, "started and finished");
    slow.close();
  });

  test("the same mapping again keeps the service and its connections", async () => {
    const sockets = new Set<unknown>();
    const counting = await startBackend((request, response) => {
      sockets.add(request.socket);
      response.end("x");
    });
    const service = () => httpService("same", "same.example.test", counting.url);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 5; i++) {
      await proxy.management.apply(service());
      await get({ port: proxy.port, ca: proxy.ca, host: "same.example.test", agent });
    }
    agent.destroy();
    // One for visitors, and the probe has its own.
    assert.equal(sockets.size, 1);
    counting.close();
  });

  test("a mapping that cannot be served is refused by name, and the version before it stays", async () => {
    await proxy.management.apply(httpService("keep", "keep.example.test", blue.url));
    const ack = await proxy.management.apply(
      httpService("keep", "keep.example.test", "gopher://x/"),
      httpService("fine", "fine.example.test", green.url),
      httpService("mode", "mode.example.test", blue.url, { mode: "carrier-pigeon" }),
    );
    assert.deepEqual(
      ack.rejections.map(({ serviceId, code }) => [serviceId, code]),
      [
        ["keep", "proxy.rejected"],
        ["mode", "proxy.mode_unsupported"],
      ],
    );
    assert.match(ack.rejections[0]!.message, /gopher/);
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "keep.example.test" })).body, "blue");
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "fine.example.test" })).body, "green");
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "mode.example.test" })).status, 404);
  });

  test("a domain that moves from one service to another answers throughout", async () => {
    await proxy.management.apply(httpService("old", "moved.example.test", blue.url));
    await proxy.management.apply(httpService("new", "moved.example.test", green.url), removed("old"));
    assert.equal((await get({ port: proxy.port, ca: proxy.ca, host: "moved.example.test" })).body, "green");
  });

  test("weakness 36: hosts compare in lower case, and international names in their ASCII form", async () => {
    await proxy.management.apply(httpService("idn", "BÜCHER.example.test", blue.url));
    const reply = await get({
      port: proxy.port,
      ca: proxy.ca,
      host: "XN--bcher-KVA.example.test",
      serverName: "xn--bcher-kva.example.test",
    });
    assert.equal(reply.body, "blue");
  });
});
