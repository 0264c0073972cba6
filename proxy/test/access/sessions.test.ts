import assert from "node:assert/strict";
import { createHash, createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import type { management } from "@netbird-proxy/proto/grpc";
import { get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, publicKeyText, sessionToken } from "../support/sessions.ts";
import { openWebSocket, type SocketBackend, startSocketBackend } from "../support/websocket.ts";

const IDLE = { sessionIdleSeconds: 600n, sessionIdleKey: Buffer.alloc(32, 7) };
const seconds = (ago: number) => Math.floor(Date.now() / 1000) - ago;

suite("visitors' sessions", function () {
  this.timeout(20_000);
  let proxy: TestProxy;
  let other: TestProxy;
  let backend: SocketBackend;
  suiteSetup(async () => {
    backend = await startSocketBackend();
    proxy = await startTestProxy();
    other = await startTestProxy();
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
    await other.close();
  });

  let count = 0;
  /** A service of its own for each test. @returns its host */
  async function service(auth: Partial<management.Authentication>): Promise<string> {
    count += 1;
    const host = `s${count}.example.test`;
    const mapping = () => httpService(`s${count}`, host, backend.url, { auth: authentication(auth) });
    await Promise.all([proxy, other].map(({ management: server }) => server.apply(mapping())));
    return host;
  }
  const ask = (on: TestProxy, host: string, cookie: string, more = {}) =>
    get({ port: on.port, ca: on.ca, host, headers: { cookie, ...more } });
  const usedCookie = (reply: { headers: { "set-cookie"?: string[] } }) =>
    (reply.headers["set-cookie"] ?? []).find((line) => line.startsWith("nb_session_used="));

  test("end with the length of the service, also those from before it was shortened", async () => {
    const host = await service({ password: true, maxSessionAgeSeconds: 3600n });
    const old = await sessionToken({ audience: host, issuedAt: seconds(3601), expiresIn: 86_400 });
    const young = await sessionToken({ audience: host, issuedAt: seconds(3000), expiresIn: 86_400 });
    assert.equal((await ask(proxy, host, `nb_session=${old}`)).status, 401);
    assert.equal((await ask(proxy, host, `nb_session=${young}`)).status, 200);
  });

  test("of an earlier key of the service are valid as long as that key is, and those of other keys never", async () => {
    const [former, gone, foreign] = Array.from({ length: 3 }, () => generateKeyPairSync("ed25519"));
    const until = (ahead: number) => BigInt(seconds(-ahead));
    const host = await service({
      password: true,
      formerSessionKeys: [
        { publicKey: publicKeyText(former!.publicKey), until: until(60) },
        { publicKey: publicKeyText(gone!.publicKey), until: until(-1) },
      ],
    });
    const statusWith = async (key: KeyObject) =>
      (await ask(proxy, host, `nb_session=${await sessionToken({ audience: host, key })}`)).status;
    assert.equal(await statusWith(former!.privateKey), 200);
    assert.equal(await statusWith(gone!.privateKey), 401);
    assert.equal(await statusWith(foreign!.privateKey), 401);
    const elsewhere = await sessionToken({ audience: "else.example.test", key: former!.privateKey });
    assert.equal((await ask(proxy, host, `nb_session=${elsewhere}`)).status, 401);
  });

  test("end when they are left alone, and live on with use, on whatever proxy", async () => {
    const host = await service({ password: true, ...IDLE });
    const fresh = await sessionToken({ audience: host });
    const first = await ask(proxy, host, `nb_session=${fresh}`);
    assert.equal(first.status, 200);
    assert.equal(usedCookie(first), undefined, "nothing new to tell");

    const left = await sessionToken({ audience: host, issuedAt: seconds(601) });
    assert.equal((await ask(proxy, host, `nb_session=${left}`)).status, 401);

    const used = await sessionToken({ audience: host, issuedAt: seconds(300) });
    const reply = await ask(proxy, host, `nb_session=${used}`);
    assert.equal(reply.status, 200);
    const cookie = usedCookie(reply)!;
    assert.match(
      cookie,
      /^nb_session_used=\d+\.[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/,
    );
    assert.equal(usedCookie(await ask(proxy, host, `nb_session=${used}`)), undefined, "told a moment ago");

    // A session of long ago that another proxy saw just now.
    const kept = await sessionToken({ audience: host, issuedAt: seconds(2000) });
    assert.equal((await ask(other, host, `nb_session=${kept}`)).status, 401);
    const signed = (at: number, token: string, key = IDLE.sessionIdleKey) =>
      `nb_session_used=${at}.${createHmac("sha256", key).update(`${at} ${token}`).digest("base64url")}`;
    const withUsed = async (pair: string) => (await ask(other, host, `nb_session=${kept}; ${pair}`)).status;
    assert.equal(await withUsed(signed(seconds(700), kept)), 401, "too long ago");
    assert.equal(await withUsed(signed(seconds(1), used)), 401, "of another session");
    assert.equal(await withUsed(signed(seconds(1), kept, Buffer.alloc(32))), 401, "with another key");
    assert.equal(await withUsed("nb_session_used=rubbish"), 401);
    assert.equal(await withUsed(signed(seconds(1), kept)), 200);
    assert.equal(backend.requests.at(-1)!.headers.cookie, undefined, "neither cookie is for the target");
  });

  test("an idle time without a key is refused rather than believed", async () => {
    const auth = authentication({ password: true, sessionIdleSeconds: 60n });
    const ack = await proxy.management.apply(httpService("bad", "bad.example.test", backend.url, { auth }));
    assert.equal(ack.rejections[0]?.code, "proxy.rejected");
  });

  test("signing out ends a session here at once, and elsewhere when the server tells", async () => {
    const host = await service({ password: true });
    const session = await sessionToken({ audience: host });
    const bystander = await sessionToken({ audience: host, sub: "another" });
    for (const on of [proxy, other]) assert.equal((await ask(on, host, `nb_session=${session}`)).status, 200);
    const reply = await get({
      port: proxy.port,
      ca: proxy.ca,
      host,
      method: "POST",
      path: "/.netbird/sign-out",
      headers: { cookie: `nb_session=${session}` },
    });
    assert.equal(reply.status, 200);
    assert.deepEqual(
      reply.headers["set-cookie"]!.map((line) => line.split(";")[0]),
      ["nb_session=", "nb_session_used="],
    );
    assert.equal((await ask(proxy, host, `nb_session=${session}`)).status, 401, "though the cookie was kept");
    assert.deepEqual(proxy.management.endedHere.at(-1), { domain: host, sessionToken: session });
    assert.equal((await ask(other, host, `nb_session=${session}`)).status, 200);
    other.management.endedElsewhere = [
      {
        tokenHash: createHash("sha256").update(session).digest(),
        expiresAtMs: BigInt(Date.now() + 86_400_000),
      },
    ];
    let over = false;
    const watch = async () => {
      while (!over) over = (await ask(other, host, `nb_session=${session}`)).status === 401;
    };
    void watch();
    await until(() => over, "the end of the session on the other proxy", 5_000);
    for (const on of [proxy, other])
      assert.equal((await ask(on, host, `nb_session=${bystander}`)).status, 200);
  });

  test("a sign-out with something that is no session is not passed on", async () => {
    const host = await service({ password: true });
    const before = proxy.management.endedHere.length;
    await get({
      port: proxy.port,
      ca: proxy.ca,
      host,
      method: "POST",
      path: "/.netbird/sign-out",
      headers: { cookie: "nb_session=x.y.z" },
    });
    assert.equal(proxy.management.endedHere.length, before);
  });

  suite("their WebSockets are cut within five seconds", () => {
    async function open(host: string, cookie: string) {
      const reply = await openWebSocket({ port: proxy.port, ca: proxy.ca, host, headers: { cookie } });
      assert.equal(reply.status, 101);
      const closed = once(reply.socket!, "close");
      let isClosed = false;
      void closed.then(() => {
        isClosed = true;
      });
      return { closed: () => isClosed, cut: () => until(() => isClosed, "the cut", 5_000) };
    }

    test("when the visitor signs out; others stay", async () => {
      const host = await service({ password: true });
      const mine = await sessionToken({ audience: host });
      const others = await sessionToken({ audience: host, sub: "another" });
      const socket = await open(host, `nb_session=${mine}`);
      const kept = await open(host, `nb_session=${others}`);
      await get({
        port: proxy.port,
        ca: proxy.ca,
        host,
        method: "POST",
        path: "/.netbird/sign-out",
        headers: { cookie: `nb_session=${mine}` },
      });
      await socket.cut();
      assert.equal(kept.closed(), false);
    });

    test("when the session expires, and when nothing comes over it for the idle time", async () => {
      const host = await service({ password: true, ...IDLE, sessionIdleSeconds: 2n });
      const idle = await open(host, `nb_session=${await sessionToken({ audience: host })}`);
      await idle.cut();
      const other = await service({ password: true });
      const short = await open(other, `nb_session=${await sessionToken({ audience: other, expiresIn: 2 })}`);
      const kept = await open(other, `nb_session=${await sessionToken({ audience: other })}`);
      await short.cut();
      assert.equal(kept.closed(), false);
    });

    test("when the user is blocked or leaves the group", async () => {
      const host = await service({ oidc: true });
      let standing: Partial<management.ValidateSessionResponse> = { valid: true };
      proxy.management.validateSession = () => standing;
      const session = await sessionToken({ audience: host, method: "oidc", sub: "u1" });
      const socket = await open(host, `nb_session=${session}`);
      standing = { valid: false, deniedReason: "not_in_group" };
      await socket.cut();
    });

    test("gRPC weakness 17: when the secret is another one", async () => {
      const host = await service({ password: true, sessionTags: { password: "one" } });
      const session = await sessionToken({ audience: host, more: { session_tag: "one" } });
      const socket = await open(host, `nb_session=${session}`);
      const auth = authentication({ password: true, sessionTags: { password: "two" } });
      await proxy.management.apply(httpService(`s${count}`, host, backend.url, { auth }));
      await socket.cut();
    });
  });
});
