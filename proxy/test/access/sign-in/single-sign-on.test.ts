import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Backend, startBackend } from "../../support/backend.ts";
import { get, type Reply } from "../../support/client.ts";
import { httpService } from "../../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../../support/proxy.ts";
import { authentication, sessionToken } from "../../support/sessions.ts";

const HOST = "sso.example.test";
const BROWSER = { accept: "text/html" };
const PROVIDER = "https://login.example.test/auth?state=x";

suite("single sign-on", () => {
  let proxy: TestProxy;
  let backend: Backend;
  suiteSetup(async () => {
    proxy = await startTestProxy();
    backend = await startBackend();
    await proxy.management.apply(
      httpService("sso", HOST, [{ path: "/app", target: backend.url }], {
        auth: authentication({ oidc: true }),
      }),
      httpService("both", "both.example.test", backend.url, {
        auth: authentication({ oidc: true, pin: true }),
      }),
      httpService("public", "public.example.test", backend.url),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });
  setup(() => {
    const { management } = proxy;
    for (const calls of [management.signIns, management.redemptions, management.sessionChecks])
      calls.length = 0;
    management.oidcUrl = () => ({ url: PROVIDER, bound: true });
    management.redeem = undefined;
    management.validateSession = () => ({ valid: true });
  });

  const ask = (path: string, headers: Record<string, string> = {}, more: object = {}) =>
    get({ port: proxy.port, ca: proxy.ca, host: HOST, path, headers: { ...BROWSER, ...headers }, ...more });
  const cookieOf = (reply: Reply) => String(reply.headers["set-cookie"]).split(";")[0]!;
  const oidcToken = (more: object = {}) =>
    sessionToken({ audience: HOST, method: "oidc", sub: "ann", ...more });

  test("a browser goes to the provider, bound by a cookie whose hash alone management gets", async () => {
    const reply = await ask("/app/deep?x=1&y=2");
    assert.equal(reply.status, 302);
    assert.equal(reply.headers.location, PROVIDER);
    assert.equal(reply.headers["cache-control"], "no-store");
    assert.match(
      String(reply.headers["set-cookie"]),
      /^__Host-nb_sign_in=b\.[\w-]{43}; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/,
    );
    const [asked] = proxy.management.signIns;
    assert.equal(asked!.redirectUrl, `https://${HOST}/app/deep?x=1&y=2`);
    const secret = Buffer.from(cookieOf(reply).split("b.")[1]!, "base64url");
    assert.deepEqual(Buffer.from(asked!.browserHash), createHash("sha256").update(secret).digest());
  });

  test("two tabs share the secret, so that the first one is not lost", async () => {
    const first = cookieOf(await ask("/app/1"));
    assert.equal(cookieOf(await ask("/app/2", { cookie: first })), first);
  });

  // Every method was redirected, and programs too: a POST became a GET of a login page.
  test("weakness 35: programs, other methods and WebSockets get a 401 instead of a redirect", async () => {
    for (const [headers, more] of [
      [{ accept: "application/json" }, {}],
      [{}, { method: "POST", body: "x" }],
      [{}, { method: "HEAD" }],
      [{ connection: "upgrade", upgrade: "websocket" }, {}],
    ] as [Record<string, string>, object][]) {
      const reply = await ask("/app", headers, more);
      assert.equal(reply.status, 401, JSON.stringify([headers, more]));
      assert.equal(reply.headers.location, undefined);
    }
    assert.equal(proxy.management.signIns.length, 0);
  });

  test("with several methods the page offers it, and the link leads back to the deep link only", async () => {
    const { status, body } = await get({
      port: proxy.port,
      ca: proxy.ca,
      host: "both.example.test",
      path: "/a?b=c",
      headers: BROWSER,
    });
    assert.equal(status, 401);
    assert.match(body, /href="\/\.netbird\/sign-in\?to=%2Fa%3Fb%3Dc"/);
    for (const [to, expected] of [
      ["/a?b=c", "/a?b=c"],
      ["https://evil.example/", "/"],
      ["//evil.example/", "/"],
      ["/\\evil.example/", "/"],
      ["/\t/evil.example/", "/"],
      ["/x/..//evil.example/", "/evil.example/"],
    ] as const) {
      await ask(`/.netbird/sign-in?to=${encodeURIComponent(to)}`);
      assert.equal(proxy.management.signIns.at(-1)!.redirectUrl, `https://${HOST}${expected}`, to);
    }
  });

  test("the code becomes a session, and the address a clean one", async () => {
    const browser = cookieOf(await ask("/app"));
    const token = await oidcToken();
    proxy.management.redeem = ({ code }) => ({
      sessionToken: code === "good" ? token : "",
      refusal: "",
      returnUrl: `https://elsewhere.example//app/deep?x=1`,
    });
    const done = await ask("/.netbird/callback?code=good", { cookie: browser });
    assert.equal(done.status, 303);
    assert.equal(done.headers.location, "/", "a return address that leads elsewhere leads home");
    assert.equal(cookieOf(done), `nb_session=${token}`);
    const [asked] = proxy.management.redemptions;
    assert.equal(asked!.domain, HOST);
    assert.equal(Buffer.from(asked!.browserSecret).toString("base64url"), browser.split("b.")[1]);
    const seen = await ask("/app", { cookie: `${browser}; nb_session=${token}; own=1` });
    assert.equal(seen.status, 200);
    assert.equal(JSON.parse(seen.body).headers.cookie, "own=1", "neither cookie reaches the target");
  });

  // A session_token in any link was taken over: a visitor could be signed in as somebody else.
  test("weakness 4, gRPC 16: neither a code nor a session from somebody else's browser counts", async () => {
    const token = await oidcToken();
    proxy.management.redeem = () => ({ sessionToken: token, refusal: "", returnUrl: `https://${HOST}/app` });
    const withoutCookie = await ask("/.netbird/callback?code=good");
    assert.equal(withoutCookie.status, 400);
    assert.match(withoutCookie.body, /access\.sign_in_expired/);
    assert.equal(proxy.management.redemptions.length, 0);
    const bound = cookieOf(await ask("/app"));
    for (const cookie of ["", bound, "__Host-nb_sign_in=s.short"]) {
      const planted = await ask(`/app?session_token=${token}`, { cookie });
      assert.equal(planted.status, 302);
      assert.equal(planted.headers.location, PROVIDER, "begins a sign-in of its own");
      assert.doesNotMatch(String(planted.headers["set-cookie"]), /nb_session/);
    }
  });

  test("with a stock server the session leaves the address at once", async () => {
    proxy.management.oidcUrl = () => ({ url: PROVIDER, bound: false });
    const browser = cookieOf(await ask("/app"));
    const token = await oidcToken();
    const done = await ask(`/app/deep?x=%20&session_token=${token}&y=1`, { cookie: browser });
    assert.equal(done.status, 303);
    assert.equal(done.headers.location, "/app/deep?x=%20&y=1");
    assert.equal(cookieOf(done), `nb_session=${token}`);
    proxy.management.validateSession = () => ({ valid: false, deniedReason: "not_in_group" });
    const denied = await ask(`/app?session_token=${await oidcToken({ sub: "bob" })}`, { cookie: browser });
    assert.equal(denied.status, 403);
    assert.match(denied.body, /none of the groups/);
    assert.equal(denied.headers["set-cookie"], undefined);
    proxy.management.validateSession = undefined;
    const away = await ask(`/app?session_token=${await oidcToken({ sub: "cy" })}`, { cookie: browser });
    assert.equal(away.status, 502, "nobody gets in unasked");
    const refused = await ask("/app?error=access_denied&error_description=%3Cb%3Ewhy", { cookie: browser });
    assert.equal(refused.status, 403);
    assert.match(refused.body, /&#60;b&#62;why/);
  });

  // Backends have parameters of these names too; they were taken away, or the whole page was answered with 403.
  test("weaknesses 34 and 38: an application's own session_token and error parameters reach it", async () => {
    const cookie = `nb_session=${await oidcToken()}`;
    const path = "/app?session_token=mine&error=access_denied";
    assert.equal(
      JSON.parse((await ask(path, { cookie })).body).url,
      "/?session_token=mine&error=access_denied",
    );
    const open = await ask(path, {}, { host: "public.example.test" });
    assert.equal(JSON.parse(open.body).url, path);
  });

  test("a refusal is text, and sets no session", async () => {
    const browser = cookieOf(await ask("/app"));
    proxy.management.redeem = () => ({
      sessionToken: "",
      refusal: "Blocked <b>",
      returnUrl: `https://${HOST}/`,
    });
    const refused = await ask("/.netbird/callback?code=x", { cookie: browser });
    assert.equal(refused.status, 403);
    assert.match(refused.body, /Blocked &#60;b&#62;/);
    assert.equal(refused.headers["set-cookie"], undefined);
    proxy.management.redeem = () => ({ sessionToken: "", refusal: "", returnUrl: "" });
    assert.equal((await ask("/.netbird/callback?code=x", { cookie: browser })).status, 400);
    proxy.management.redeem = undefined;
    assert.equal((await ask("/.netbird/callback?code=x", { cookie: browser })).status, 502);
  });

  test("weakness 40, gRPC 15: one failing method does not take the sign-in page with it", async () => {
    proxy.management.oidcUrl = undefined;
    const page = await ask("/", {}, { host: "both.example.test" });
    assert.equal(page.status, 401);
    assert.equal((await ask("/app")).status, 502);
  });

  test("gRPC weakness 17: groups are those of now, and somebody who may not any more is out within five seconds", async () => {
    const cookie = `nb_session=${await oidcToken({ more: { groups: ["old"] } })}`;
    let groups = ["Staff"];
    let isAllowed = true;
    proxy.management.validateSession = () => ({
      valid: isAllowed,
      deniedReason: isAllowed ? "" : "not_in_group",
      userEmail: "ann@example.test",
      peerGroupIds: groups,
      peerGroupNames: groups,
    });
    const seen = async () => JSON.parse((await ask("/app", { cookie })).body).headers["x-netbird-groups"];
    assert.equal(await seen(), "Staff", "not what the session said when it was made");
    assert.equal(await seen(), "Staff");
    assert.equal(proxy.management.sessionChecks.length, 1, "not asked for every request");
    groups = ["Ops"];
    const changedAtMs = Date.now();
    while ((await seen()) !== "Ops") await pause();
    assert.ok(Date.now() - changedAtMs < 5_000);
    isAllowed = false;
    const revokedAtMs = Date.now();
    while ((await ask("/app", { cookie })).status === 200) await pause();
    assert.ok(Date.now() - revokedAtMs < 5_000);
  });

  test("a session that was left alone is asked about before it is used again", async () => {
    const cookie = `nb_session=${await oidcToken({ sub: "idle" })}`;
    assert.equal((await ask("/app", { cookie })).status, 200);
    proxy.management.validateSession = () => ({ valid: false, deniedReason: "user_blocked" });
    const now = Date.now;
    Date.now = () => now() + 60_000;
    try {
      assert.equal((await ask("/app", { cookie })).status, 302);
    } finally {
      Date.now = now;
    }
  });

  test("whoever was in stays in while the server is away", async () => {
    const cookie = `nb_session=${await oidcToken({ sub: "steady" })}`;
    assert.equal((await ask("/app", { cookie })).status, 200);
    proxy.management.validateSession = undefined;
    const now = Date.now;
    Date.now = () => now() + 60_000;
    try {
      assert.equal((await ask("/app", { cookie })).status, 200);
    } finally {
      Date.now = now;
    }
  });

  test("signing out takes a POST from the service's own pages", async () => {
    const cookie = `nb_session=${await oidcToken({ sub: "leaving" })}`;
    const looked = await ask("/.netbird/sign-out", { cookie });
    assert.equal(looked.status, 200);
    assert.equal(looked.headers["set-cookie"], undefined);
    const foreign = await ask(
      "/.netbird/sign-out",
      { cookie, "sec-fetch-site": "cross-site" },
      { method: "POST" },
    );
    assert.equal(foreign.headers["set-cookie"], undefined);
    const out = await ask(
      "/.netbird/sign-out",
      { cookie, "sec-fetch-site": "same-origin" },
      { method: "POST" },
    );
    assert.match(String(out.headers["set-cookie"]), /^nb_session=; Path=\/; Max-Age=0/);
    assert.match(out.body, /You are signed out/);
  });

  test("nothing below /.netbird/ reaches a target that asks for a sign-in; a public service keeps its own", async () => {
    const cookie = `nb_session=${await oidcToken({ sub: "paths" })}`;
    assert.equal((await ask("/.netbird/other", { cookie })).status, 404);
    const upgrade = { cookie, connection: "upgrade", upgrade: "websocket" };
    assert.equal((await ask("/.netbird/callback?code=x", upgrade)).status, 404);
    const open = await ask("/.netbird/sign-out", {}, { host: "public.example.test" });
    assert.equal(JSON.parse(open.body).url, "/.netbird/sign-out");
  });
});

const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
