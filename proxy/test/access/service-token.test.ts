import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { management } from "@netbird-proxy/proto/grpc";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, sessionToken } from "../support/sessions.ts";

const HOST = "machines.example.test";
const token = (letter: string) => `nbs_${letter.repeat(36)}`;
const inSeconds = (seconds: number) => BigInt(Math.floor(Date.now() / 1000) + seconds);
const known = (id: string, plain: string, expiresAt = 0n) => ({
  id,
  name: `${id} machine`,
  sha256: createHash("sha256").update(plain).digest(),
  expiresAt,
});
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

suite("service tokens", () => {
  let proxy: TestProxy;
  let backend: Backend;
  /** What arrived at the backend. */
  let seen: { headers: Record<string, unknown> }[];

  const service = (serviceTokens: ReturnType<typeof known>[], more: object = {}) =>
    httpService("machines", HOST, backend.url, {
      auth: authentication({ token: true, serviceTokens, ...more }),
    });

  suiteSetup(async () => {
    proxy = await startTestProxy();
    seen = [];
    backend = await startBackend((request, response) => {
      seen.push({ headers: request.headers });
      response.end("inside");
    });
    await proxy.management.apply(
      httpService("open", "open.example.test", backend.url),
      httpService("other", "other.example.test", backend.url, {
        auth: authentication({ token: true, serviceTokens: [known("other", token("o"))] }),
      }),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });
  setup(async () => {
    seen.length = 0;
    await proxy.management.apply(
      service([
        known("ci", token("a")),
        known("soon", token("b"), inSeconds(3600)),
        known("old", token("c"), inSeconds(-1)),
      ]),
    );
  });

  const ask = (headers: Record<string, string>, more: object = {}) =>
    get({ port: proxy.port, ca: proxy.ca, host: HOST, path: "/", headers, ...more });

  for (const [name, headers] of Object.entries({
    "a bearer token": { authorization: `Bearer ${token("a")}` },
    "a scheme in another spelling": { authorization: `bEaReR  ${token("b")}` },
    "the password of Basic credentials": { authorization: basic("anybody", token("a")) },
    "Basic credentials without a user": { authorization: basic("", token("a")) },
    "X-NetBird-Token": { "x-netbird-token": token("a") },
  } as Record<string, Record<string, string>>)) {
    test(`${name} lets a machine in, and does not reach the target`, async () => {
      const before = proxy.management.authentications.length;
      const reply = await ask(headers);
      assert.deepEqual([reply.status, reply.body], [200, "inside"]);
      assert.equal(reply.headers["set-cookie"], undefined);
      const arrived = JSON.stringify(seen[0]!.headers);
      assert.ok(!arrived.includes("nbs_") && !("authorization" in seen[0]!.headers), arrived);
      assert.match(String(seen[0]!.headers["x-netbird-user"]), /^token:(?:ci|soon) machine$/);
      assert.equal(proxy.management.authentications.length, before, "nobody was asked");
    });
  }

  test("says in the access log which token it was", async () => {
    await ask({ authorization: `Bearer ${token("a")}` });
    const entry = () =>
      proxy.management.accessLogs.findLast(({ authMechanism }) => authMechanism === "token");
    await until(() => entry() !== undefined, "the access log");
    assert.deepEqual([entry()!.userId, entry()!.authSuccess], ["ci", true]);
  });

  for (const [name, headers] of Object.entries({
    "an expired one": { authorization: `Bearer ${token("c")}` },
    "an unknown one": { authorization: `Bearer ${token("x")}` },
    "one of another service": { authorization: `Bearer ${token("o")}` },
    "a broken one in X-NetBird-Token": { "x-netbird-token": "nonsense" },
    "an empty X-NetBird-Token": { "x-netbird-token": "" },
  } as Record<string, Record<string, string>>)) {
    test(`${name} is refused as invalid`, async () => {
      const reply = await ask(headers);
      assert.equal(reply.status, 401);
      assert.equal(JSON.parse(reply.body).code, "access.token_invalid");
      assert.match(String(reply.headers["www-authenticate"]), /Bearer realm="[^"]+", error="invalid_token"/);
      assert.equal(seen.length, 0);
    });
  }

  test("without one a program is told that a bearer token is taken", async () => {
    const reply = await ask({});
    assert.equal(reply.status, 401);
    assert.match(String(reply.headers["www-authenticate"]), /Bearer realm="machines\.example\.test"/);
  });

  test("credentials of another shape are the target's own, and open nothing", async () => {
    for (const authorization of [
      "Bearer eyJhbGciOiJub25lIn0.e30.",
      basic("ann", "her password"),
      "nbs_",
      "",
    ]) {
      assert.equal((await ask({ authorization })).status, 401, authorization);
    }
    assert.equal(seen.length, 0);
    await proxy.management.apply(service([known("ci", token("a"))], { pin: true }));
    const cookie = `nb_session=${await sessionToken({ audience: HOST, method: "pin", sub: "pin-user" })}`;
    await ask({ cookie, authorization: "Bearer of-the-target" });
    assert.equal(seen[0]!.headers.authorization, "Bearer of-the-target");
    await ask({ cookie, authorization: `Bearer ${token("a")}` });
    assert.equal(seen[1]!.headers.authorization, undefined, "a token beside a session is stripped too");
  });

  test("a WebSocket gets in with one, and not without", async () => {
    const upgrade = { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13" };
    assert.equal((await ask(upgrade)).status, 401);
    assert.equal(seen.length, 0);
    await ask({ ...upgrade, authorization: `Bearer ${token("a")}` });
    assert.equal(seen.length, 1);
  });

  test("a withdrawn one is refused on a connection that used it before", async () => {
    const authorization = `Bearer ${token("a")}`;
    assert.equal((await ask({ authorization })).status, 200);
    await proxy.management.apply(service([known("soon", token("b"))]));
    assert.equal((await ask({ authorization })).status, 401);
    await proxy.management.apply(service([]));
    assert.equal((await ask({})).status, 401, "a service whose last token is gone is not open");
  });

  test("where a rule wants one, a session of another method beside it does not stand in its way", async () => {
    await proxy.management.apply(
      httpService("machines", HOST, backend.url, {
        auth: authentication({ pin: true, token: true, serviceTokens: [known("ci", token("a"))] }),
        accessRules: [
          management.AccessRule.fromPartial({ pathPrefix: "/api", action: "require", require: ["token"] }),
        ],
      }),
    );
    const cookie = `nb_session=${await sessionToken({ audience: HOST, method: "pin", sub: "pin-user" })}`;
    const statusOf = async (path: string, headers: Record<string, string>) =>
      (await ask(headers, { path })).status;
    assert.equal(await statusOf("/", { cookie }), 200);
    assert.equal(await statusOf("/api", { cookie }), 401);
    assert.equal(await statusOf("/api", { cookie, authorization: `Bearer ${token("a")}` }), 200);
  });

  test("are not asked for where the service takes none", async () => {
    const reply = await get({
      port: proxy.port,
      ca: proxy.ca,
      host: "open.example.test",
      path: "/",
      headers: { authorization: `Bearer ${token("a")}` },
    });
    assert.equal(reply.status, 200);
    assert.equal(seen[0]!.headers.authorization, undefined, "a secret of another service goes nowhere");
  });
});
