import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Browser } from "../support/browser.ts";
import { PUBLIC_URL, type RestServer, startRestServer } from "../support/rest-server.ts";

const VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-0123456789";
const CHALLENGE = createHash("sha256").update(VERIFIER).digest("base64url");
const OWNER = { email: "owner@example.com", password: "correct horse" };

function authorizationUrl(change: Record<string, string> = {}): string {
  const query = new URLSearchParams({
    client_id: "netbird-dashboard",
    redirect_uri: `${PUBLIC_URL}/auth`,
    response_type: "code",
    scope: "openid profile email groups offline_access",
    state: "the-state",
    nonce: "the-nonce",
    code_challenge: CHALLENGE,
    code_challenge_method: "S256",
    ...change,
  });
  return `${PUBLIC_URL}/oauth2/auth?${query}`;
}

interface Tokens {
  access_token: string;
  id_token: string;
  refresh_token: string;
  error?: string;
}

async function redeem(
  server: RestServer,
  form: Record<string, string>,
): Promise<{ status: number; body: Tokens }> {
  const answer = await server.app.inject({
    method: "POST",
    url: "/oauth2/token",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    payload: new URLSearchParams({ client_id: "netbird-dashboard", ...form }).toString(),
  });
  return { status: answer.statusCode, body: JSON.parse(answer.body) };
}

/** The whole way of a dashboard: authorization request, password, code, tokens. */
async function signIn(
  server: RestServer,
  browser = new Browser(server.app, PUBLIC_URL),
  who = OWNER,
): Promise<Tokens> {
  const page = await browser.go(authorizationUrl());
  assert.match(page.url, /\/oauth2\/sign-in\//);
  const back = await browser.go(page.url, who);
  const address = new URL(back.url);
  assert.equal(address.pathname, "/auth", back.text);
  assert.equal(address.searchParams.get("state"), "the-state");
  const { status, body } = await redeem(server, {
    grant_type: "authorization_code",
    code: address.searchParams.get("code")!,
    redirect_uri: `${PUBLIC_URL}/auth`,
    code_verifier: VERIFIER,
  });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

const claimsOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split(".")[1]!, "base64url").toString());

suite("the embedded identity provider", function () {
  this.timeout(20_000);
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    server.nowMs = Date.now();
    await server.setUp();
  });
  teardown(() => server.close());

  const as = (jwt: string, path = "/users/current") =>
    server.call("GET", path, undefined, null, { authorization: `Bearer ${jwt}` });

  test("is described where NetBird's is", async () => {
    const answer = await server.app.inject({ url: "/oauth2/.well-known/openid-configuration" });
    const document = JSON.parse(answer.body);
    assert.equal(document.issuer, `${PUBLIC_URL}/oauth2`);
    assert.equal(document.jwks_uri, `${PUBLIC_URL}/oauth2/keys`);
    assert.equal(document.authorization_endpoint, `${PUBLIC_URL}/oauth2/auth`);
    assert.equal(document.token_endpoint, `${PUBLIC_URL}/oauth2/token`);
    const keys = JSON.parse((await server.app.inject({ url: "/oauth2/keys" })).body);
    assert.equal(keys.keys.length, 1);
    assert.equal(keys.keys[0].d, undefined, "a private key is published");
  });

  test("signs the owner in with a password, and the API takes the ID token and the access token", async () => {
    const tokens = await signIn(server);
    const claims = claimsOf(tokens.id_token);
    assert.equal(claims.iss, `${PUBLIC_URL}/oauth2`);
    assert.equal(claims.aud, "netbird-dashboard");
    assert.equal(claims.nonce, "the-nonce");
    assert.equal(claims.email, OWNER.email);
    for (const jwt of [tokens.id_token, tokens.access_token]) {
      const { status, body } = await as(jwt);
      assert.equal(status, 200, JSON.stringify(body));
      assert.equal(body.email, OWNER.email);
      assert.equal(body.id, claims.sub);
      assert.notEqual(body.last_login, "0001-01-01T00:00:00Z");
    }
    const events = (await server.call("GET", "/events")).body;
    const logins = events.filter(
      ({ activity_code }: { activity_code: string }) => activity_code === "dashboard.login",
    );
    assert.equal(logins.length, 1, "one sign-in is one event, however often its tokens are used");
  });

  test("gives out new tokens for a refresh token, once", async () => {
    const tokens = await signIn(server);
    const form = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
    const fresh = await redeem(server, form);
    assert.equal(fresh.status, 200, JSON.stringify(fresh.body));
    assert.equal((await as(fresh.body.access_token)).status, 200);
    const again = await redeem(server, form);
    assert.deepEqual([again.status, again.body.error], [400, "invalid_grant"]);
  });

  test("remembers the browser: the second application needs no password", async () => {
    const browser = new Browser(server.app, PUBLIC_URL);
    await signIn(server, browser);
    const back = await browser.go(authorizationUrl());
    assert.equal(new URL(back.url).pathname, "/auth");
  });

  test("answers a wrong password with the page again, and the right one afterwards", async () => {
    const browser = new Browser(server.app, PUBLIC_URL);
    const page = await browser.go(authorizationUrl());
    const wrong = await browser.go(page.url, { ...OWNER, password: "wrong" });
    assert.equal(wrong.status, 401);
    assert.match(wrong.text, /Address or password is wrong/);
    assert.match(wrong.text, /value="owner@example.com"/);
    const nobody = await browser.go(page.url, { email: "nobody@example.com", password: "wrong" });
    assert.equal(nobody.status, 401);
    assert.match(nobody.text, /Address or password is wrong/);
    assert.equal(new URL((await browser.go(page.url, OWNER)).url).pathname, "/auth");
  });

  test("escapes what was typed, and loads, frames and keeps nothing", async () => {
    const browser = new Browser(server.app, PUBLIC_URL);
    const page = await browser.go(authorizationUrl({ login_hint: `"><script>alert(1)</script>` }));
    assert.doesNotMatch(page.text, /<script/);
    assert.match(
      String(page.headers["content-security-policy"]),
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    assert.equal(page.headers["cache-control"], "no-store");
    assert.equal(page.headers["x-frame-options"], "DENY");
    const cookie = [page.headers["set-cookie"]].flat().join();
    for (const line of cookie === "" ? [] : cookie.split(/,(?=nb_)/)) assert.match(line, /httponly/i);
  });

  test("refuses a form that another browser sends", async () => {
    const page = await new Browser(server.app, PUBLIC_URL).go(authorizationUrl());
    const other = await new Browser(server.app, PUBLIC_URL).go(page.url, OWNER);
    assert.equal(other.status, 400);
    assert.match(other.text, /expired/);
  });

  test("sends nobody to an address that is not the dashboard's", async () => {
    const browser = new Browser(server.app, PUBLIC_URL);
    const { status, text } = await browser.go(
      authorizationUrl({ redirect_uri: "https://evil.example.org/auth" }),
    );
    assert.equal(status, 400);
    assert.match(text, /redirect_uri/);
  });

  test("requires PKCE", async () => {
    const browser = new Browser(server.app, PUBLIC_URL);
    const { url } = await browser.go(authorizationUrl({ code_challenge: "", code_challenge_method: "" }));
    assert.match(new URL(url).searchParams.get("error_description") ?? "", /PKCE|code_challenge/i);
  });

  test("does not tell blocked users from others before the password is right", async () => {
    const made = await server.call("POST", "/users", {
      name: "Ann",
      email: "ann@example.com",
      role: "user",
      auto_groups: [],
    });
    await server.call("PUT", `/users/${made.body.id}`, { role: "user", auto_groups: [], is_blocked: true });
    const browser = new Browser(server.app, PUBLIC_URL);
    const page = await browser.go(authorizationUrl());
    const wrong = await browser.go(page.url, { email: "ann@example.com", password: "wrong" });
    assert.match(wrong.text, /Address or password is wrong/);
    const right = await browser.go(page.url, { email: "ann@example.com", password: made.body.password });
    assert.equal(right.status, 403);
    assert.match(right.text, /blocked/);
  });

  test("ends sessions, refresh tokens and tokens of the API with a new password", async () => {
    const browser = new Browser(server.app, PUBLIC_URL);
    const tokens = await signIn(server, browser);
    const { sub } = claimsOf(tokens.id_token);
    const change = (old_password: string, new_password: string) =>
      server.call("PUT", `/users/${sub}/password`, { old_password, new_password }, null, {
        authorization: `Bearer ${tokens.access_token}`,
      });
    const cases: [string, string, string][] = [
      ["wrong", "Better-Horse-2", "old_password"],
      [OWNER.password, "short", "new_password"],
      [OWNER.password, OWNER.password, "new_password"],
    ];
    for (const [old, fresh, path] of cases) {
      const { status, body } = await change(old, fresh);
      assert.deepEqual([status, body.error.path], [422, path]);
    }
    server.nowMs = Date.now();
    assert.equal((await change(OWNER.password, "Better-Horse-2")).status, 200);
    assert.equal((await as(tokens.access_token)).status, 401);
    assert.equal((await as(tokens.id_token)).status, 401);
    const refreshed = await redeem(server, {
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token,
    });
    assert.equal(refreshed.status, 400);
    const again = await browser.go(authorizationUrl());
    assert.match(again.url, /\/sign-in\//, "the browser's session is still there");
    assert.equal((await server.call("GET", "/users/current")).status, 200, "access tokens are not sessions");
  });

  test("limits guesses per user and place, and lets the user in from elsewhere and from a known browser", async () => {
    const known = new Browser(server.app, PUBLIC_URL, "198.51.100.7");
    await signIn(server, known);
    const attacker = new Browser(server.app, PUBLIC_URL, "198.51.100.7");
    const page = await attacker.go(authorizationUrl());
    const statuses: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      statuses.push((await attacker.go(page.url, { ...OWNER, password: `guess ${n}` })).status);
    }
    assert.deepEqual(statuses, [...Array(10).fill(401), 429, 429]);
    const right = await attacker.go(page.url, OWNER);
    assert.equal(right.status, 429, "a guess after the limit is still a guess");
    // Behind the same address: somebody else, and the browser that was here before.
    const made = await server.call("POST", "/users", {
      name: "Ann",
      email: "ann@example.com",
      role: "user",
      auto_groups: [],
    });
    await signIn(server, new Browser(server.app, PUBLIC_URL, "198.51.100.7"), {
      email: "ann@example.com",
      password: made.body.password,
    });
    const session = known.cookies.get("nb_idp");
    assert.ok(session);
    known.cookies.delete("nb_idp");
    known.cookies.delete("nb_idp.sig");
    await signIn(server, known);
    await signIn(server, new Browser(server.app, PUBLIC_URL, "203.0.113.5"));
  });

  test("believes no forwarded address of a stranger when it counts", async () => {
    const browser = new Browser(server.app, PUBLIC_URL);
    const page = await browser.go(authorizationUrl());
    const cookie = [...browser.cookies].map(([name, { value }]) => `${name}=${value}`).join("; ");
    const statuses: number[] = [];
    for (let n = 0; n < 11; n += 1) {
      const answer = await server.app.inject({
        method: "POST",
        url: new URL(page.url).pathname,
        remoteAddress: "198.51.100.9",
        headers: {
          cookie,
          "x-forwarded-for": `203.0.113.${n}`,
          "content-type": "application/x-www-form-urlencoded",
        },
        payload: new URLSearchParams({ ...OWNER, password: "wrong" }).toString(),
      });
      statuses.push(answer.statusCode);
    }
    assert.equal(statuses.at(-1), 429);
  });

  test("refuses tokens of others: tampered, unsigned, expired, another audience, another issuer", async () => {
    const { id_token: good } = await signIn(server);
    const [head, body, signature] = good.split(".") as [string, string, string];
    const claims = claimsOf(good);
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const bad: Record<string, string> = {
      tampered: [head, encode({ ...claims, sub: "somebody" }), signature].join("."),
      unsigned: `${encode({ alg: "none" })}.${body}.AA`,
      symmetric: [encode({ alg: "HS256" }), body, signature].join("."),
    };
    for (const [name, jwt] of Object.entries(bad)) {
      const { status, body: answer } = await as(jwt);
      assert.deepEqual([status, answer.error.code], [401, "auth.invalid_token"], name);
    }
    server.nowMs += 2 * 3_600_000;
    const late = await as(good);
    assert.deepEqual([late.status, late.body.error.code], [401, "auth.expired_token"]);
  });

  test("goes on at another server with the same database, at every step", async () => {
    const other = await startRestServer({ beside: server });
    try {
      other.nowMs = server.nowMs;
      const browser = new Browser(server.app, PUBLIC_URL);
      const page = await browser.go(authorizationUrl());
      browser.app = other.app;
      const back = new URL((await browser.go(page.url, OWNER)).url);
      const { status, body } = await redeem(server, {
        grant_type: "authorization_code",
        code: back.searchParams.get("code")!,
        redirect_uri: `${PUBLIC_URL}/auth`,
        code_verifier: VERIFIER,
      });
      assert.equal(status, 200, JSON.stringify(body));
      const answer = await other.call("GET", "/users/current", undefined, null, {
        authorization: `Bearer ${body.access_token}`,
      });
      assert.equal(answer.status, 200, answer.text);
    } finally {
      await other.close();
    }
  });

  test("publishes a new signing key an hour before it signs, and keeps the old one", async () => {
    const before = await signIn(server);
    const kid = (jwt: string) => JSON.parse(Buffer.from(jwt.split(".")[0]!, "base64url").toString()).kid;
    const published = async () =>
      JSON.parse((await server.app.inject({ url: "/oauth2/keys" })).body).keys.map(
        (key: { kid: string }) => key.kid,
      );
    server.nowMs += 91 * 86_400_000;
    const keys = await published();
    assert.equal(keys.length, 2);
    assert.ok(keys.includes(kid(before.id_token)));
    server.nowMs = Date.now() + 91 * 86_400_000 + 2 * 3_600_000;
    await published();
    const [first] = await published();
    assert.notEqual(first, kid(before.id_token));
  });
});
