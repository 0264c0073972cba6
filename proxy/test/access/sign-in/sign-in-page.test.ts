import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Backend, startBackend } from "../../support/backend.ts";
import { exchangeRaw, get, http2Session, rawTls } from "../../support/client.ts";
import { httpService } from "../../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../../support/proxy.ts";
import { authentication, sessionToken } from "../../support/sessions.ts";

const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };

suite("the sign-in page", () => {
  let proxy: TestProxy;
  let backend: Backend;
  suiteSetup(async () => {
    proxy = await startTestProxy({ NB_PROXY_TRUSTED_PROXIES: "127.0.0.1" });
    backend = await startBackend();
    await proxy.management.apply(
      httpService("pass", "pass.example.test", backend.url, { auth: authentication({ password: true }) }),
      httpService("all", "all.example.test", backend.url, {
        auth: authentication({ password: true, pin: true, oidc: true }),
      }),
      httpService("tools", "tools.example.test", backend.url, {
        auth: authentication({ headerAuths: [{ header: "X-Key", hashedValue: "" }] }),
      }),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  let address = 0;
  const ask = (name: string, more: Partial<Parameters<typeof get>[0]> = {}) => {
    address += 1;
    return get({
      port: proxy.port,
      ca: proxy.ca,
      host: `${name}.example.test`,
      ...more,
      headers: { "x-forwarded-for": `198.51.100.${address}`, ...more.headers },
    });
  };

  test("one method has no tabs; several are radio buttons, each with its panel", async () => {
    const one = (await ask("pass", { headers: BROWSER })).body;
    assert.doesNotMatch(one, /type="radio"/);
    const several = (await ask("all", { headers: BROWSER })).body;
    assert.equal(several.match(/type="radio"/g)?.length, 3);
    assert.match(several, /id="by-password" checked/);
    assert.match(several, /<input type="password" name="pin" class="pin" inputmode="numeric"/);
    assert.match((await ask("tools", { headers: BROWSER })).body, /Only programs may use this service/);
  });

  test("has no script, and its policy lets nothing through but its own style", async () => {
    const { body, headers } = await ask("all", { headers: BROWSER });
    assert.doesNotMatch(body, /<script|\son[a-z]+=|https?:\/\//i);
    const style = /<style>([\s\S]*)<\/style>/.exec(body)![1]!;
    const policy = String(headers["content-security-policy"]);
    assert.ok(
      policy.includes(`style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`),
      policy,
    );
    assert.match(policy, /default-src 'none'.*form-action 'self'; frame-ancestors 'none'/);
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["x-frame-options"], "DENY");
  });

  test("keeps the deep link, however it is written", async () => {
    const { body } = await ask("all", { path: `/a%20b?x="><b>&y=1`, headers: BROWSER });
    const link = /href="([^"]*)"/.exec(body)![1]!.replaceAll("&#38;", "&");
    assert.equal(new URL(link, "https://all.example.test").searchParams.get("to"), `/a%20b?x="><b>&y=1`);
    assert.doesNotMatch(body, /<b>/);
  });

  test("opens the tab that was tried, and ties the error to its field", async () => {
    const { status, body } = await ask("all", {
      method: "POST",
      headers: { ...BROWSER, ...FORM },
      body: "netbird_sign_in=1&pin=111111",
    });
    assert.equal(status, 401);
    assert.match(body, /<p role="alert" id="problem">That was not right/);
    assert.match(body, /id="by-pin" checked/);
    assert.match(body, /name="pin"[^>]* aria-invalid="true" aria-describedby="problem"/);
  });

  test("is for browsers only; every 401 names a challenge", async () => {
    for (const accept of ["*/*", "application/json", "text/html;q=0, application/json", "text/htmlx"]) {
      const { status, headers, body } = await ask("all", { headers: { accept } });
      assert.equal(status, 401, accept);
      assert.equal(headers["www-authenticate"], 'NetBird realm="all.example.test"');
      assert.equal(JSON.parse(body).code, "access.login_required", accept);
    }
    const wrong = await ask("pass", { method: "POST", headers: FORM, body: "password=x" });
    assert.match(String(wrong.headers["www-authenticate"]), /^NetBird/);
    const html = await ask("all", { headers: { accept: "text/html;q=0.9" } });
    assert.match(html.body, /^<!doctype html>/);
  });

  test("no request but GET is redirected", async () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const { status, headers } = await ask("all", { method, headers: BROWSER });
      assert.equal(status, 401, method);
      assert.equal(headers.location, undefined, method);
    }
  });

  // The password of an application behind us was sent to management, and counted as a wrong attempt.
  test("an application's own sign-in form is not taken for ours", async () => {
    const before = proxy.management.authentications.length;
    const posted = { method: "POST", headers: FORM, body: "user=ann&password=theirs" };
    assert.equal((await ask("pass", posted)).status, 401);
    const cookie = `nb_session=${await sessionToken({ audience: "pass.example.test" })}`;
    for (const body of [posted.body, "password=theirs", "netbird_sign_in=1&password=theirs"]) {
      const seen = await ask("pass", { ...posted, headers: { ...FORM, cookie }, body });
      assert.equal(seen.status, 200);
      assert.equal(JSON.parse(seen.body).body, body);
    }
    assert.equal(proxy.management.authentications.length, before, "management was not asked");
    await ask("pass", { ...posted, body: "netbird_sign_in=1&password=ours&extra=1" });
    assert.equal(proxy.management.authentications.length, before + 1);
  });

  // The form was read to its end, however long, and then answered as if it had been empty.
  test("a form that is too large is refused, and not read to its end", async () => {
    const announced = await rawTls(proxy.port, proxy.ca, "pass.example.test");
    const head =
      "POST / HTTP/1.1\r\nHost: pass.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    const answer = await exchangeRaw(announced, `${head}Content-Length: 1000000000\r\n\r\npassword=`);
    assert.match(answer, /^HTTP\/1\.1 413 [\s\S]*access\.form_too_large/);
    assert.ok(announced.readableEnded, "the connection ends with the answer");
    const chunked = await rawTls(proxy.port, proxy.ca, "pass.example.test");
    const piece = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    const second = await exchangeRaw(chunked, `${head}Transfer-Encoding: chunked\r\n\r\n${piece.repeat(3)}`);
    assert.match(second, /^HTTP\/1\.1 413 /);
    const session = await http2Session(proxy.port, proxy.ca, "pass.example.test");
    const stream = session.request({ ":path": "/", ":method": "POST", ...FORM });
    stream.on("error", () => {});
    const status = await new Promise((resolve) => {
      stream.once("response", (headers) => resolve(headers[":status"]));
      stream.write("x".repeat(100_000));
    });
    assert.equal(status, 413);
    stream.resume();
    // Though the client never ends its side.
    if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
    session.close();
  });
});
