import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { management } from "@netbird-proxy/proto/grpc";
import { decide } from "../../src/access/decide-access.ts";
import { accessPolicy } from "../../src/access/policy.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { get, http2Get, http2Session } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, type Claims, publicKeyText, sessionToken } from "../support/sessions.ts";

const otherKeys = generateKeyPairSync("ed25519");

const token = (claims: Partial<Claims> = {}) => sessionToken({ audience: "app.example.test", ...claims });

suite("access", () => {
  let proxy: TestProxy;
  let backend: Backend;

  suiteSetup(async () => {
    proxy = await startTestProxy({ NB_PROXY_TRUSTED_PROXIES: "127.0.0.1" });
    backend = await startBackend();
    const service = (id: string, more: Partial<management.ProxyMapping>) =>
      httpService(id, `${id}.example.test`, backend.url, more);
    await proxy.management.apply(
      service("app", {
        auth: authentication({
          password: true,
          headerAuths: [{ header: "X-Api-Key", hashedValue: "" }],
        }),
      }),
      service("pin", { auth: authentication({ pin: true }) }),
      service("oidc", { auth: authentication({ oidc: true }) }),
      service("closed", { auth: undefined }),
      service("private", { private: true }),
      service("office", {
        accessRestrictions: management.AccessRestrictions.fromPartial({
          allowedCidrs: ["10.0.0.0/8", "2001:db8::/32"],
          blockedCidrs: ["10.6.6.0/24"],
        } as never),
      }),
      service("country", {
        accessRestrictions: management.AccessRestrictions.fromPartial({ allowedCountries: ["DE"] } as never),
      }),
      service("crowdsec", {
        accessRestrictions: management.AccessRestrictions.fromPartial({ crowdsecMode: "enforce" } as never),
      }),
      service("observed", {
        accessRestrictions: management.AccessRestrictions.fromPartial({ crowdsecMode: "observe" } as never),
      }),
    );
    proxy.management.authenticate = () => ({ success: false, sessionToken: "" });
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  let address = 0;
  /** Every test comes from its own address, so that wrong attempts do not add up. */
  const ask = (
    name: string,
    more: { headers?: Record<string, string>; method?: string; body?: string; path?: string } = {},
  ) => {
    address += 1;
    return get({
      port: proxy.port,
      ca: proxy.ca,
      host: `${name}.example.test`,
      ...more,
      headers: { "x-forwarded-for": `198.51.100.${address}`, ...more.headers },
    });
  };
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const code = (body: string) => JSON.parse(body).code;

  test("without a decision, or with one that is not kept here, nobody gets in", async () => {
    const before = backend.requests.length;
    for (const [name, status, expected] of [
      ["closed", 403, "access.undecided"],
      ["private", 403, "access.private"],
      ["oidc", 401, "access.login_required"],
      ["pin", 401, "access.login_required"],
      ["app", 401, "access.login_required"],
      ["country", 403, "access.country_restricted"],
      ["crowdsec", 403, "access.crowdsec_unavailable"],
    ] as const) {
      const reply = await ask(name);
      assert.equal(reply.status, status, name);
      assert.equal(code(reply.body), expected, name);
      assert.notEqual((await ask(name, { method: "POST", body: "x" })).status, 200, name);
    }
    assert.equal(backend.requests.length, before, "nothing reached the target");
  });

  test("observing only does not block", async () => {
    assert.equal((await ask("observed")).status, 200);
  });

  test("address rules: allowlist first, then blocklist, IPv4 and IPv6", async () => {
    const from = async (source: string) =>
      (await ask("office", { headers: { "x-forwarded-for": source } })).status;
    assert.equal(await from("10.1.2.3"), 200);
    assert.equal(await from("2001:db8::7"), 200);
    assert.equal(await from("::ffff:10.1.2.3"), 200);
    assert.equal(await from("10.6.6.1"), 403);
    assert.equal(await from("203.0.113.1"), 403);
    assert.equal(await from("2001:db9::1"), 403);
  });

  test("weakness 9: a browser gets a login page, and nothing of it is kept or framed", async () => {
    const reply = await ask("app", { headers: { accept: "text/html" } });
    assert.equal(reply.status, 401);
    assert.match(reply.body, /<input type="password" name="password"/);
    assert.equal(reply.headers["cache-control"], "no-store");
    assert.match(String(reply.headers["content-security-policy"]), /frame-ancestors 'none'/);
    assert.match(reply.body, /Sign in to app\.example\.test/);
  });

  test("the right password sets the cookie and leads back; the cookie opens the service", async () => {
    const session = await token();
    proxy.management.authenticate = ({ id, accountId, request }) => ({
      success:
        id === "app" &&
        accountId === "account-1" &&
        request?.$case === "password" &&
        request.value.password === "pä ss",
      sessionToken: session,
    });
    const reply = await ask("app", {
      method: "POST",
      path: "/deep?x=1",
      body: `password=${encodeURIComponent("pä ss")}`,
      headers: form,
    });
    assert.equal(reply.status, 303);
    assert.equal(reply.headers.location, "/deep?x=1");
    const cookie = String(reply.headers["set-cookie"]);
    assert.equal(cookie, `nb_session=${session}; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax`);
    const open = await ask("app", { headers: { cookie: `a=1; nb_session=${session}` } });
    assert.equal(open.status, 200);
    assert.equal(JSON.parse(open.body).headers.cookie, "a=1");
    const h2 = await http2Session(proxy.port, proxy.ca, "app.example.test");
    assert.equal((await http2Get(h2, { cookie: [`a=1`, `nb_session=${session}`] })).status, 200);
    h2.close();
  });

  test("weakness 7: a multipart form is read too, the query never is", async () => {
    const session = await token();
    proxy.management.authenticate = ({ request }) => ({
      success: request?.$case === "password" && request.value.password === "right",
      sessionToken: session,
    });
    const multipart = await ask("app", {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=b" },
      body: '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nright\r\n--b--\r\n',
    });
    assert.equal(multipart.status, 303);
    const before = proxy.management.authentications.length;
    assert.equal((await ask("app", { path: "/?password=right" })).status, 401);
    assert.equal(
      (await ask("app", { path: "/?password=right", method: "POST", headers: form, body: "x=1" })).status,
      401,
    );
    assert.equal(proxy.management.authentications.length, before, "not even asked");
  });

  test("a wrong password shows the form again and does not reach the target", async () => {
    proxy.management.authenticate = () => ({ success: false, sessionToken: "" });
    const before = backend.requests.length;
    const reply = await ask("app", {
      method: "POST",
      body: "password=wrong",
      headers: { ...form, accept: "text/html" },
    });
    assert.equal(reply.status, 401);
    assert.match(reply.body, /role="alert"/);
    assert.equal(backend.requests.length, before);
  });

  test("weakness 8, gRPC 14: wrong attempts are slowed down per address, and a hash is not spent on them", async () => {
    proxy.management.authenticate = () => ({ success: false, sessionToken: "" });
    const before = proxy.management.authentications.length;
    const attempt = () =>
      ask("pin", {
        method: "POST",
        body: "pin=000000",
        headers: { ...form, "x-forwarded-for": "203.0.113.50" },
      });
    for (let i = 0; i < 10; i++) assert.equal((await attempt()).status, 401);
    const limited = await attempt();
    assert.equal(limited.status, 429);
    assert.ok(Number(limited.headers["retry-after"]) > 0);
    assert.equal(proxy.management.authentications.length, before + 10);
    assert.equal(
      (await ask("pin", { method: "POST", body: "pin=1", headers: form })).status,
      401,
      "others may try",
    );
  });

  test("attempts of the same moment count together", async () => {
    const before = proxy.management.authentications.length;
    const headers = { ...form, "x-forwarded-for": "203.0.113.51" };
    const replies = await Promise.all(
      Array.from({ length: 40 }, () => ask("pin", { method: "POST", body: "pin=000000", headers })),
    );
    assert.equal(proxy.management.authentications.length, before + 10);
    assert.equal(replies.filter(({ status }) => status === 429).length, 30);
  });

  test("weakness 39: a right header credential passes with its request, is not forwarded, and is not asked for every time", async () => {
    const session = await token({ method: "header", sub: "header-user" });
    let asked = 0;
    proxy.management.authenticate = ({ request }) => {
      asked += 1;
      return {
        success:
          request?.$case === "headerAuth" &&
          request.value.headerName === "x-api-key" &&
          request.value.headerValue === "secret-1",
        sessionToken: session,
      };
    };
    for (let i = 0; i < 3; i++) {
      const reply = await ask("app", {
        headers: { "X-Api-Key": "secret-1" },
        method: "POST",
        body: "payload",
      });
      assert.equal(reply.status, 200);
      const seen = JSON.parse(reply.body);
      assert.equal(seen.body, "payload");
      assert.equal(seen.headers["x-api-key"], undefined);
      if (i === 0) assert.match(String(reply.headers["set-cookie"]), /^nb_session=/);
    }
    assert.equal(asked, 1);
    // The same mapping again is the same service, with everything it remembers.
    const served = () =>
      httpService("app", "app.example.test", backend.url, {
        auth: authentication({ password: true, headerAuths: [{ header: "X-Api-Key", hashedValue: "" }] }),
      });
    await proxy.management.apply({ ...served(), revision: 99n, authToken: "another" });
    assert.equal((await ask("app", { headers: { "X-Api-Key": "secret-1" } })).status, 200);
    assert.equal(asked, 1);
    const wrong = await ask("app", { headers: { "X-Api-Key": "secret-2" } });
    assert.equal(wrong.status, 401);
    assert.equal(code(wrong.body), "access.credentials_wrong");
  });

  // Each of them counted as a wrong attempt until its outcome was known, so that all but ten were told to wait.
  test("many requests at once with one right header credential all pass, and ask once", async () => {
    const session = await token({ method: "header", sub: "header-user" });
    const before = proxy.management.authentications.length;
    proxy.management.authenticate = () => ({ success: true, sessionToken: session });
    const headers = { "X-Api-Key": "of many", "x-forwarded-for": "203.0.113.60" };
    const replies = await Promise.all(Array.from({ length: 40 }, () => ask("app", { headers })));
    assert.deepEqual([...new Set(replies.map(({ status }) => status))], [200]);
    assert.equal(proxy.management.authentications.length, before + 1);
  });

  // The server was asked about "KÃ¼che", one letter per byte, which nobody ever set.
  test("letters of a header credential are read as UTF-8", async () => {
    const session = await token({ method: "header", sub: "header-user" });
    let asked = "";
    proxy.management.authenticate = ({ request }) => {
      if (request?.$case === "headerAuth") asked = request.value.headerValue;
      return { success: true, sessionToken: session };
    };
    const bytes = Buffer.from("Küche €", "utf8").toString("latin1");
    assert.equal((await ask("app", { headers: { "X-Api-Key": bytes } })).status, 200);
    assert.equal(asked, "Küche €");
  });

  test("sessions that are not for this service, not signed by its key, or over, do not open it", async () => {
    const app = (cookie: string) => ask("app", { headers: { cookie: `nb_session=${cookie}` } });
    const bad: Record<string, string> = {
      "another audience": await token({ audience: "other.example.test" }),
      "another key": await token({ key: otherKeys.privateKey }),
      "another issuer": await token({ issuer: "somebody" }),
      expired: await token({ expiresIn: -1 }),
      "no subject": await token({ sub: "" }),
      "a scheme that the service does not have": await token({ method: "pin" }),
      "an unknown scheme": await token({ method: "magic" }),
      "no signature": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(
        '{"iss":"netbird-management","aud":["app.example.test"],"sub":"x","method":"password"}',
      ).toString("base64url")}.`,
      rubbish: "x",
      empty: "",
    };
    for (const [what, value] of Object.entries(bad)) assert.equal((await app(value)).status, 401, what);
    const good = await token();
    assert.equal((await app(good)).status, 200);
    // A sibling domain may put a cookie of the same name in front of ours.
    assert.equal((await app(`x; nb_session=${good}`)).status, 200);
  });

  test("weakness 5: a session ends with the scheme it came from and with the service's key", async () => {
    const session = await token({ audience: "change.example.test" });
    const change = (partial: Partial<management.Authentication>) =>
      proxy.management.apply(
        httpService("change", "change.example.test", backend.url, { auth: authentication(partial) }),
      );
    const status = async () => (await ask("change", { headers: { cookie: `nb_session=${session}` } })).status;
    await change({ password: true });
    assert.equal(await status(), 200);
    await change({ pin: true });
    assert.equal(await status(), 401);
    await change({ password: true, pin: true });
    assert.equal(await status(), 200);
    await change({
      password: true,
      sessionKey: publicKeyText(otherKeys.publicKey),
    });
    assert.equal(await status(), 401);
  });

  test("a session ends when the tag of its method is another one; a stock server's sessions have none", async () => {
    const audience = "tags.example.test";
    const tagged = await token({ audience, more: { session_tag: "one" } });
    const plain = await token({ audience });
    const change = (sessionTags: Record<string, string>) =>
      proxy.management.apply(
        httpService("tags", audience, backend.url, {
          auth: authentication({ password: true, pin: true, sessionTags }),
        }),
      );
    const statuses = () =>
      Promise.all(
        [tagged, plain].map(
          async (session) => (await ask("tags", { headers: { cookie: `nb_session=${session}` } })).status,
        ),
      );
    await change({ password: "one", pin: "two" });
    assert.deepEqual(await statuses(), [200, 401]);
    await change({ password: "three", pin: "one" });
    assert.deepEqual(await statuses(), [401, 401]);
    await change({ pin: "one" });
    assert.deepEqual(await statuses(), [401, 401], "a method without a tag has no sessions");
    await change({});
    assert.deepEqual(await statuses(), [200, 200]);
  });

  test("the caller's identity reaches the target, and only what is safe of it", async () => {
    await proxy.management.apply(
      httpService("who", "who.example.test", backend.url, { auth: authentication({ oidc: true }) }),
    );
    const seen = async (more: Record<string, unknown>) => {
      const session = await token({ method: "oidc", sub: "user-1", audience: "who.example.test", more });
      const reply = await ask("who", {
        headers: { cookie: `nb_session=${session}`, "x-netbird-user": "admin" },
      });
      return JSON.parse(reply.body).headers as Record<string, string>;
    };
    const plain = await seen({
      email: "a@b.test",
      groups: ["g1", "g2", "g3"],
      group_names: ["Staff", "", "a,b"],
    });
    assert.equal(plain["x-netbird-user"], "a@b.test");
    assert.equal(plain["x-netbird-groups"], "Staff,g2");
    const odd = await seen({ email: "ä\r\nX-Evil: 1", groups: ["x\ny"] });
    assert.equal(odd["x-netbird-user"], undefined);
    assert.equal(odd["x-netbird-groups"], undefined);
    assert.equal(odd["x-evil"], undefined);
  });

  test("with the server away a credential cannot be checked, and that is not the visitor's fault", async () => {
    const lonely = await startTestProxy();
    await lonely.management.apply(
      httpService("app", "app.example.test", backend.url, { auth: authentication({ password: true }) }),
    );
    lonely.management.stop();
    const reply = await get({
      port: lonely.port,
      ca: lonely.ca,
      method: "POST",
      body: "password=x",
      headers: form,
    });
    assert.equal(reply.status, 502);
    assert.equal(code(reply.body), "access.check_failed");
    const session = await token();
    assert.equal(
      (await get({ port: lonely.port, ca: lonely.ca, headers: { cookie: `nb_session=${session}` } })).status,
      200,
      "sessions go on",
    );
    await lonely.close();
  });

  test("a mapping with rules that cannot be read is refused rather than widened", async () => {
    for (const more of [
      {
        accessRestrictions: management.AccessRestrictions.fromPartial({
          allowedCidrs: ["10.0.0.0/99"],
        } as never),
      },
      {
        accessRestrictions: management.AccessRestrictions.fromPartial({
          blockedCidrs: ["nonsense"],
        } as never),
      },
      { accessRestrictions: management.AccessRestrictions.fromPartial({ crowdsecMode: "maybe" } as never) },
      { auth: authentication({ password: true, sessionKey: "AAAA" }) },
    ]) {
      const ack = await proxy.management.apply(httpService("bad", "bad.example.test", backend.url, more));
      assert.equal(ack.rejections[0]?.code, "proxy.rejected");
      assert.equal((await ask("bad")).status, 404);
    }
  });
});

suite("the access decision", () => {
  const policy = (partial: Partial<management.ProxyMapping>) => {
    const made = accessPolicy(management.ProxyMapping.fromPartial(partial as never));
    assert.ok(made.ok);
    return made.value;
  };
  const alice = { method: "oidc", userId: "u", user: "", groups: [] } as const;

  test("starts from no", () => {
    assert.deepEqual(decide(policy({}), undefined), { allow: false, code: "access.undecided" });
    assert.deepEqual(decide(policy({}), alice), { allow: false, code: "access.undecided" });
    assert.deepEqual(decide(policy({ auth: authentication({}) }), undefined), {
      allow: true,
      because: "public",
    });
    assert.deepEqual(decide(policy({ auth: authentication({ oidc: true }) }), undefined), {
      allow: false,
      code: "access.login_required",
    });
    assert.deepEqual(decide(policy({ auth: authentication({ oidc: true }) }), alice), {
      allow: true,
      because: "authenticated",
    });
    assert.deepEqual(decide(policy({ auth: authentication({ oidc: true }), private: true }), alice), {
      allow: false,
      code: "access.private",
    });
    assert.deepEqual(
      decide(policy({ auth: authentication({ password: true }) }), { ...alice, method: "public" as never }),
      { allow: false, code: "access.login_required" },
    );
  });
});
