import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import { Bouncer } from "../../src/reputation/bouncer.ts";
import { CrowdsecApi } from "../../src/reputation/crowdsec-api.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { exchangeRaw, get, rawTls } from "../support/client.ts";
import { type LocalDecision, ScriptedLocalApi } from "../support/local-api.ts";
import { ScriptedManagement, until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, sessionToken } from "../support/sessions.ts";

let lastId = 0;
function ban(value: string, more: Partial<LocalDecision> = {}): LocalDecision {
  lastId += 1;
  const scope = value.includes("/") ? "Range" : "Ip";
  return { id: lastId, type: "ban", scope, value, duration: "4h0m0s", ...more };
}

suite("the bouncer", () => {
  let api: ScriptedLocalApi;
  let bouncer: Bouncer;
  let polls: boolean[];
  let lines: string[];

  setup(async () => {
    api = await new ScriptedLocalApi().start();
    polls = [];
    lines = [];
  });
  teardown(() => {
    bouncer.close();
    api.stop();
  });

  async function start({ key = "right", timeoutMs = 5000, url = api.url } = {}): Promise<void> {
    const log = (fields: object, message: string) =>
      lines.push(`${message}${"reason" in fields ? `: ${fields.reason}` : ""}`);
    bouncer = new Bouncer({
      api: new CrowdsecApi({ url, key, timeoutMs }),
      countryOf: undefined,
      log: { info: log, warn: log } as never,
      onPoll: (ok) => polls.push(ok),
      intervalMs: 5,
    });
    await bouncer.start(10_000);
  }
  /** Waits until everything that the API says now has arrived. */
  const polled = async () => {
    const before = polls.length;
    await until(() => polls.length >= before + 2, "two more questions");
  };

  test("asks for everything once and then for changes, in the words of the local API", async () => {
    const first = ban("192.0.2.1");
    api.decisions = [first, ban("2001:db8::/32")];
    await start();
    assert.equal(bouncer.decisionOn("192.0.2.1"), "ban");
    assert.equal(bouncer.decisionOn("2001:db8::9"), "ban");
    assert.equal(api.asked[0]!.toString(), "startup=true&scopes=ip%2Crange%2Ccountry&dedup=false");
    api.added = [ban("192.0.2.2")];
    api.removed = [first];
    await polled();
    assert.equal(bouncer.decisionOn("192.0.2.1"), undefined);
    assert.equal(bouncer.decisionOn("192.0.2.2"), "ban");
    assert.ok(api.asked.slice(1).every((query) => query.get("startup") === "false"));
    // The local API takes a user agent apart at its only slash.
    assert.match(api.userAgents[0]!, /^netbird-proxy\/v[^/]+$/);
  });

  test("nothing is known with a wrong key; it says so once, and works when the key is made right", async () => {
    api.decisions = [ban("192.0.2.1")];
    await start({ key: "wrong" });
    await polled();
    assert.equal(bouncer.ready, false);
    assert.equal(bouncer.decisionOn("192.0.2.1"), undefined);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /refuse everybody: .*NB_PROXY_CROWDSEC_API_KEY/);
    api.key = "wrong";
    await until(() => bouncer.ready);
    assert.equal(bouncer.decisionOn("192.0.2.1"), "ban");
    assert.match(lines[1]!, /are known/);
  });

  for (const [name, fault] of Object.entries<NonNullable<ScriptedLocalApi["fault"]>>({
    "an error": (response) => response.writeHead(500).end("{}"),
    "no answer at all": () => {},
    "an answer that stops in the middle": (response) =>
      response.writeHead(200, { "content-length": 100 }).write('{"new":['),
    "a broken connection": (response) => response.destroy(),
    "something else than JSON": (response) => response.end("<html>"),
    "something else than lists": (response) => response.end('{"new":7}'),
  })) {
    test(`${name} leaves what is known in place, and afterwards everything is asked for again`, async () => {
      api.decisions = [ban("192.0.2.1")];
      await start({ timeoutMs: 50 });
      api.fault = fault;
      await until(() => polls.includes(false), "a failure");
      assert.equal(bouncer.ready, true);
      assert.equal(bouncer.decisionOn("192.0.2.1"), "ban");
      // What was to be told in the answer that got lost is told to nobody again.
      api.decisions = [ban("192.0.2.3")];
      const before = api.asked.length;
      api.fault = undefined;
      await until(() => bouncer.decisionOn("192.0.2.3") === "ban", "the new decision");
      assert.equal(bouncer.decisionOn("192.0.2.1"), undefined);
      // The one that failed may have asked for changes only; all after it ask for everything.
      assert.equal(api.asked[before]!.get("startup"), "true");
    });
  }

  test("starts without waiting for a local API that hangs", async () => {
    api.fault = () => {};
    bouncer = new Bouncer({
      api: new CrowdsecApi({ url: api.url, key: "right" }),
      countryOf: undefined,
      log: { info: () => {}, warn: () => {} } as never,
      onPoll: () => {},
    });
    await bouncer.start(10);
    assert.equal(bouncer.ready, false);
  });

  test("the local API may live under a path", async () => {
    api.prefix = "/crowdsec";
    await start({ url: `${api.url}/crowdsec` });
    assert.equal(bouncer.ready, true);
    api.prefix = "/elsewhere";
    await until(() => polls.includes(false));
    assert.match(lines.at(-1)!, /404/);
  });

  test("fifty thousand decisions arrive, are found, and go again", async () => {
    const address = (i: number) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    api.decisions = Array.from({ length: 50_000 }, (_, i) =>
      i % 10 === 0 ? ban(`2001:db8:${i.toString(16)}::/48`) : ban(address(i)),
    );
    await start();
    for (let i = 1; i < 50_000; i += 997) {
      if (i % 10 === 0) assert.equal(bouncer.decisionOn(`2001:db8:${i.toString(16)}::5`), "ban");
      else assert.equal(bouncer.decisionOn(address(i)), "ban");
    }
    assert.equal(bouncer.decisionOn("192.0.2.1"), undefined);
    api.removed = api.decisions;
    await until(() => bouncer.decisionOn(address(49_999)) === undefined, "the decisions to go");
    assert.equal(bouncer.decisionOn(address(1)), undefined);
  });
});

suite("CrowdSec and services", () => {
  let proxy: TestProxy;
  let backend: Backend;
  let api: ScriptedLocalApi;
  const rules = (crowdsecMode: string) => ({
    accessRestrictions: management.AccessRestrictions.fromPartial({ crowdsecMode } as never),
  });
  const from = async (address: string, name = "enforced") =>
    (
      await get({
        port: proxy.port,
        ca: proxy.ca,
        host: `${name}.example.test`,
        headers: { "x-forwarded-for": address },
      })
    ).status;

  suiteSetup(async () => {
    api = await new ScriptedLocalApi().start();
    api.decisions = [
      ban("192.0.2.1"),
      ban("192.0.2.2", { type: "captcha" }),
      ban("198.51.100.1", { type: "throttle" }),
      ban("198.51.100.2", { type: "captcha" }),
    ];
    backend = await startBackend();
    proxy = await startTestProxy(
      {
        NB_PROXY_TRUSTED_PROXIES: "127.0.0.1",
        NB_PROXY_CROWDSEC_API_URL: api.url,
        NB_PROXY_CROWDSEC_API_KEY: "right",
      },
      new ScriptedManagement(),
      { crowdsecIntervalMs: 20 },
    );
    await proxy.management.apply(
      httpService("enforced", "enforced.example.test", backend.url, rules("enforce")),
      httpService("observed", "observed.example.test", backend.url, rules("observe")),
      httpService("closed", "closed.example.test", backend.url, {
        ...rules("enforce"),
        auth: authentication({ password: true }),
      }),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
    api.stop();
  });

  test("the capability is told to the server", () => {
    assert.equal(proxy.management.inits[0]!.capabilities!.supportsCrowdsec, true);
  });

  test("enforcing refuses, observing passes, and the access log has NetBird's keys for both", async () => {
    assert.equal(await from("192.0.2.1"), 403);
    assert.equal(await from("192.0.2.2", "observed"), 200);
    assert.equal(await from("192.0.2.3", "observed"), 200);
    await until(() => proxy.management.accessLogs.length === 3);
    const [refused, observed, clean] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(
      (address) => proxy.management.accessLogs.find(({ sourceIp }) => sourceIp === address)!,
    );
    assert.equal(refused!.authMechanism, "crowdsec_ban");
    assert.equal(refused!.metadata.crowdsec_verdict, "crowdsec_ban");
    assert.equal(refused!.metadata.crowdsec_mode, undefined);
    assert.equal(observed!.authMechanism, "");
    assert.equal(observed!.metadata.crowdsec_verdict, "crowdsec_captcha");
    assert.equal(observed!.metadata.crowdsec_mode, "observe");
    assert.deepEqual(clean!.metadata, {});
    const text = await proxy.app.metrics.registry.metrics();
    assert.match(text, /restriction="crowdsec",verdict="crowdsec_ban",mode="enforce"\} 1/);
    assert.match(text, /restriction="crowdsec",verdict="crowdsec_captcha",mode="observe"\} 1/);
    assert.match(text, /proxy_crowdsec_decisions 4/);
  });

  /** Statuses of so many requests, one after the other, each with how often it came in a row. */
  async function inARow(count: number, name: string, headers: Record<string, string>): Promise<string[]> {
    const rows: [status: number, times: number][] = [];
    for (let n = 0; n < count; n += 1) {
      const reply = await get({ port: proxy.port, ca: proxy.ca, host: `${name}.example.test`, headers });
      if (reply.status === 429) assert.match(String(reply.headers["retry-after"]), /^[1-9]\d*$/);
      const last = rows.at(-1);
      if (last?.[0] === reply.status) last[1] += 1;
      else rows.push([reply.status, 1]);
    }
    return rows.map(([status, times]) => `${times} x ${status}`);
  }

  test("weakness 43: throttle slows down instead of refusing, over all services together", async () => {
    const headers = { "x-forwarded-for": "198.51.100.1" };
    const [first, ...rest] = await inARow(70, "enforced", headers);
    // A request or two come back while they are made.
    assert.match(first!, /^6\d x 200$/);
    assert.ok(
      rest.some((row) => row.endsWith("x 429")),
      String(rest),
    );
    assert.ok((await inARow(3, "closed", headers)).some((row) => row.endsWith("x 429")));
    assert.deepEqual(await inARow(3, "enforced", { "x-forwarded-for": "198.51.100.9" }), ["3 x 200"]);
    const slowed = () => proxy.management.accessLogs.find(({ responseCode }) => responseCode === 429);
    await until(() => slowed() !== undefined);
    assert.equal(slowed()!.authMechanism, "crowdsec_throttle");
    assert.equal(slowed()!.metadata.crowdsec_verdict, "crowdsec_throttle");
  });

  test("weakness 43: captcha lets few requests through until somebody signs in, and those then freely", async () => {
    const headers = { "x-forwarded-for": "198.51.100.2" };
    const session = await sessionToken({ audience: "closed.example.test" });
    const signedIn = { ...headers, cookie: `nb_session=${session}` };
    const [page, ...rest] = await inARow(15, "closed", headers);
    assert.match(page!, /^1\d x 401$/);
    assert.ok(
      rest.some((row) => row.endsWith("x 429")),
      String(rest),
    );
    assert.deepEqual(await inARow(30, "closed", signedIn), ["30 x 200"]);
    assert.ok((await inARow(3, "enforced", headers)).some((row) => row.endsWith("x 429")));
  });

  test("a WebSocket handshake is refused like any other request", async () => {
    const handshake = (address: string) =>
      `GET / HTTP/1.1\r\nHost: enforced.example.test\r\nX-Forwarded-For: ${address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    const socket = await rawTls(proxy.port, proxy.ca, "enforced.example.test");
    const answer = await exchangeRaw(socket, handshake("192.0.2.1"), 100);
    socket.destroy();
    assert.match(answer, /^HTTP\/1.1 403/);
    assert.match(answer, /access\.crowdsec_ban/);
  });

  // NetBird's proxy restarts its bouncer with the last service that uses it, and enforcing refuses everybody meanwhile.
  test("weakness 43: changing, removing and adding the only enforcing service asks nothing anew", async () => {
    const { management } = proxy;
    const started = () => api.asked.filter((query) => query.get("startup") === "true").length;
    const before = started();
    for (let round = 0; round < 5; round++) {
      await management.apply(
        httpService("enforced", "enforced.example.test", backend.url, {
          ...rules("enforce"),
          passHostHeader: round % 2 === 0,
        }),
      );
      assert.equal(await from("192.0.2.9"), 200);
      await management.apply(removed("enforced"));
      await management.apply(httpService("enforced", "enforced.example.test", backend.url, rules("enforce")));
      assert.equal(await from("192.0.2.9"), 200);
      assert.equal(await from("192.0.2.1"), 403);
    }
    assert.equal(started(), before);
  });
});
