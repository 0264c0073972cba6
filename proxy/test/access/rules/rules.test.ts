import assert from "node:assert/strict";
import { management } from "@netbird-proxy/proto/grpc";
import { type Backend, startBackend } from "../../support/backend.ts";
import { exchangeRaw, get, http2Get, http2Session, rawTls } from "../../support/client.ts";
import { until } from "../../support/management-server.ts";
import { httpService } from "../../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../../support/proxy.ts";
import { authentication, sessionToken } from "../../support/sessions.ts";

suite("access rules on the way of a request", () => {
  let proxy: TestProxy;
  let backend: Backend;

  suiteSetup(async () => {
    proxy = await startTestProxy();
    backend = await startBackend();
    const rules = (...all: Partial<management.AccessRule>[]) =>
      all.map((one) => management.AccessRule.fromPartial(one as never));
    await proxy.management.apply(
      httpService("app", "app.example.test", backend.url, {
        auth: authentication({
          password: true,
          pin: true,
          headerAuths: [{ header: "X-Api-Key", hashedValue: "" }],
        }),
        accessRules: rules(
          { pathPrefix: "/webhook", methods: ["GET", "POST"], action: "allow" },
          { pathPrefix: "/never", action: "deny" },
          { pathPrefix: "/vault", action: "require", require: ["pin"] },
          { pathPrefix: "/trial", action: "deny", observe: true },
          { pathPrefix: "/soon", action: "require", require: ["pin"], observe: true },
        ),
      }),
      httpService("open", "open.example.test", backend.url, {
        accessRules: rules({ pathPrefix: "/admin", action: "deny" }),
      }),
      httpService("walled", "walled.example.test", backend.url, {
        accessRestrictions: management.AccessRestrictions.fromPartial({
          blockedCidrs: ["127.0.0.0/8"],
        } as never),
        accessRules: rules({ pathPrefix: "/", action: "allow" }),
      }),
      httpService("private", "private.example.test", backend.url, {
        private: true,
        accessRules: rules({ pathPrefix: "/", action: "allow" }),
      }),
      httpService("closed", "closed.example.test", backend.url, {
        auth: undefined,
        accessRules: rules({ pathPrefix: "/", action: "allow" }),
      }),
      httpService("stripped", "stripped.example.test", [{ path: "/app", target: backend.url }], {
        accessRules: rules({ pathPrefix: "/app/admin", action: "deny" }),
      }),
    );
    proxy.management.authenticate = () => ({ success: false, sessionToken: "" });
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  const ask = (path: string, more: Parameters<typeof get>[0] | object = {}) =>
    get({ port: proxy.port, ca: proxy.ca, path, ...more });
  const cookie = async (method: string) => ({
    cookie: `nb_session=${await sessionToken({ audience: "app.example.test", method })}`,
  });

  test("an open path beside a closed one: nobody is asked, and forms and headers reach the target", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded", "x-api-key": "not checked here" };
    const before = proxy.management.authentications.length;
    const reply = await ask("/webhook/push", { method: "POST", body: "password=x&pin=1", headers: form });
    assert.equal(reply.status, 200);
    assert.equal(backend.requests.at(-1)!.url, "/webhook/push");
    assert.equal(backend.requests.at(-1)!.body, "password=x&pin=1");
    assert.ok(!backend.requests.at(-1)!.rawHeaders.some((one) => /^x-api-key$/i.test(one)));
    assert.equal(proxy.management.authentications.length, before);
    assert.equal((await ask("/webhook", { method: "DELETE" })).status, 401);
    assert.equal((await ask("/")).status, 401);
    assert.equal((await ask("/webhookx")).status, 401);
  });

  test("who is signed in is still known on an open path", async () => {
    const reply = await ask("/webhook", { headers: await cookie("password") });
    assert.equal(reply.status, 200);
    await until(() => proxy.management.accessLogs.some(({ authMechanism }) => authMechanism === "password"));
  });

  test("a closed path is closed to everybody, signed in or not", async () => {
    for (const headers of [{}, await cookie("pin")]) {
      const reply = await ask("/never/ever", { headers });
      assert.equal(reply.status, 403);
      assert.equal(JSON.parse(reply.body).code, "access.rule_denied");
    }
    await until(() => proxy.management.accessLogs.some(({ path }) => path === "/never/ever"));
    const entry = proxy.management.accessLogs.find(({ path }) => path === "/never/ever")!;
    assert.deepEqual([entry.authMechanism, entry.authSuccess], ["rule_denied", false]);
    assert.match(
      await proxy.app.metrics.registry.metrics(),
      /restriction="rule",verdict="rule_denied",mode="enforce"\} 2/,
    );
  });

  test("a path that asks for one method takes no other, and its page offers only that one", async () => {
    assert.equal((await ask("/vault", { headers: await cookie("pin") })).status, 200);
    assert.equal((await ask("/", { headers: await cookie("password") })).status, 200);
    const other = await ask("/vault", { headers: { ...(await cookie("password")), accept: "text/html" } });
    assert.equal(other.status, 401);
    assert.match(other.body, /name="pin"/);
    assert.doesNotMatch(other.body, /name="password"/);
  });

  test("a public service may have closed paths", async () => {
    const host = "open.example.test";
    assert.equal((await ask("/", { host })).status, 200);
    assert.equal((await ask("/admin", { host })).status, 403);
    const odd = await ask("/x/..%2fadmin", { host });
    assert.equal(odd.status, 400);
    assert.equal(JSON.parse(odd.body).code, "access.ambiguous_path");
    assert.equal((await ask("/group%2Fname", { host })).status, 200);
    assert.equal(backend.requests.at(-1)!.url, "/group%2Fname");
  });

  test("no rule opens what an address, a private service or a missing decision closes", async () => {
    for (const [name, code] of [
      ["walled", "access.ip_restricted"],
      ["private", "access.private"],
      ["closed", "access.undecided"],
    ]) {
      const reply = await ask("/", { host: `${name}.example.test` });
      assert.equal(reply.status, 403, name);
      assert.equal(JSON.parse(reply.body).code, code);
    }
  });

  test("what leads out of a stripped prefix stays below it", async () => {
    const host = "stripped.example.test";
    assert.equal((await ask("/app/x", { host })).status, 200);
    assert.equal((await ask("/app/admin", { host })).status, 403);
    assert.equal((await ask("/app/../admin", { host })).status, 400);
    assert.equal((await ask("/%61pp/..%2fadmin", { host })).status, 400);
  });

  test("rules that are only observed let pass and say whom they would have refused", async () => {
    const headers = await cookie("password");
    assert.equal((await ask("/trial", { headers })).status, 200);
    assert.equal((await ask("/soon/x", { headers })).status, 200);
    assert.equal((await ask("/soon/y", { headers: await cookie("pin") })).status, 200);
    const logged = (path: string) => proxy.management.accessLogs.find((entry) => entry.path === path);
    await until(() => logged("/trial") && logged("/soon/x") && logged("/soon/y"));
    assert.deepEqual(logged("/trial")!.metadata, { rule_verdict: "rule_denied", rule_mode: "observe" });
    assert.deepEqual(logged("/soon/x")!.metadata, {
      rule_verdict: "rule_login_required",
      rule_mode: "observe",
    });
    assert.deepEqual(logged("/soon/y")!.metadata, {});
  });

  test("WebSockets and HTTP/2 are under the same rules", async () => {
    const handshake = (path: string) =>
      `GET ${path} HTTP/1.1\r\nHost: app.example.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
    for (const [path, status] of [
      ["/never", "403"],
      ["/webhook/..;/never", "400"],
      ["/chat", "401"],
    ]) {
      const socket = await rawTls(proxy.port, proxy.ca, "app.example.test");
      const answer = await exchangeRaw(socket, handshake(path!), 100);
      assert.match(String(answer), new RegExp(`^HTTP/1.1 ${status}`), path);
      socket.destroy();
    }
    const session = await http2Session(proxy.port, proxy.ca);
    assert.equal((await http2Get(session, { ":path": "/never" })).status, 403);
    assert.equal((await http2Get(session, { ":path": "/webhook" })).status, 200);
    session.close();
  });
});
