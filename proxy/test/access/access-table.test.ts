import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { get } from "../support/client.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, type Claims, sessionToken } from "../support/sessions.ts";
import { openWebSocket, type SocketBackend, startSocketBackend } from "../support/websocket.ts";

type Method = "password" | "pin" | "header" | "oidc";
const all: readonly Method[] = ["password", "pin", "header", "oidc"];
const mixes: readonly (readonly Method[])[] = [
  ["password"],
  ["pin"],
  ["header"],
  ["oidc"],
  ["password", "pin"],
  ["password", "oidc"],
  ["pin", "header"],
  ["header", "oidc"],
  all,
];

/** How somebody asks. Whatever has a body is of no type that a sign-in form has. */
const clients = {
  "browser GET": { method: "GET", accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
  "browser HEAD": { method: "HEAD", accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
  "browser POST": { method: "POST", accept: "text/html,application/xhtml+xml,*/*;q=0.8" },
  "program GET": { method: "GET", accept: "application/json" },
  "program POST": { method: "POST", accept: "*/*" },
  "program DELETE": { method: "DELETE", accept: undefined },
  WebSocket: { method: "GET", accept: "text/html" },
} as const;
type Client = keyof typeof clients;

const IDENTITY_PROVIDER = "https://idp.example.test/authorize?x=1";
const foreignKeys = generateKeyPairSync("ed25519");
const form = { "content-type": "application/x-www-form-urlencoded" };

/** Sessions that open nothing. @param bad what is wrong with it, besides being of that method */
const refusedSessions: Record<string, (method: Method, domain: string) => Promise<string>> = {
  expired: (method, domain) => session(method, domain, { expiresIn: -1 }),
  "not yet valid": (method, domain) =>
    session(method, domain, { issuedAt: Math.floor(Date.now() / 1000) + 600 }),
  revoked: (method, domain) =>
    // A changed secret has another tag; of single sign-on, management says that the user is blocked.
    session(method, domain, method === "oidc" ? { sub: "blocked" } : { more: { session_tag: "old" } }),
  "ended with all others": (method, domain) => session(method, domain, { more: { session_tag: "old" } }),
  "another service's": (method) => session(method, "other.example.test"),
  "wrong audience": (method, domain) => session(method, `x${domain}`),
  "wrong issuer": (method, domain) => session(method, domain, { issuer: "somebody" }),
  "wrong key": (method, domain) => session(method, domain, { key: foreignKeys.privateKey }),
  tampered: async (method, domain) => {
    const [head, body, signature] = (await session(method, domain)).split(".");
    const claims = JSON.parse(Buffer.from(body!, "base64url").toString());
    const other = Buffer.from(JSON.stringify({ ...claims, sub: "admin" })).toString("base64url");
    return `${head}.${other}.${signature}`;
  },
  "alg none": async (method, domain) => {
    const [, body] = (await session(method, domain)).split(".");
    return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url")}.${body}.`;
  },
  "no method": (_method, domain) => session("magic", domain),
  rubbish: async () => "x.y.z",
};

function session(method: Method | "magic", audience: string, more: Partial<Claims> = {}): Promise<string> {
  return sessionToken({
    audience,
    method,
    sub: `${method}-user`,
    ...more,
    more: { session_tag: `tag-${method}`, ...more.more },
  });
}

interface Outcome {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

suite("who gets in, as a table", function () {
  this.timeout(60_000);
  let proxy: TestProxy;
  let backend: SocketBackend;
  const domainOf = (mix: readonly Method[]) => `${mix.join("-")}.example.test`;

  suiteSetup(async () => {
    proxy = await startTestProxy({ NB_PROXY_TRUSTED_PROXIES: "127.0.0.1" });
    backend = await startSocketBackend();
    const { management: server } = proxy;
    server.oidcUrl = () => ({ url: IDENTITY_PROVIDER, bound: true });
    server.validateSession = ({ sessionToken: token }) => {
      const { sub } = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString());
      return sub === "blocked" ? { valid: false, deniedReason: "user_blocked" } : { valid: true };
    };
    await server.apply(
      ...mixes.map((mix) =>
        httpService(mix.join("-"), domainOf(mix), backend.url, {
          auth: authentication({
            password: mix.includes("password"),
            pin: mix.includes("pin"),
            oidc: mix.includes("oidc"),
            headerAuths: mix.includes("header") ? [{ header: "X-Key", hashedValue: "" }] : [],
            sessionTags: Object.fromEntries(mix.map((method) => [method, `tag-${method}`])),
          }),
        }),
      ),
    );
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });

  let address = 0;
  /** Every request comes from an address of its own, so that wrong attempts do not add up. */
  async function ask(
    mix: readonly Method[],
    client: Client,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<Outcome & { reached: number }> {
    address += 1;
    const { method, accept } = clients[client];
    const before = backend.requests.length;
    const whole = {
      port: proxy.port,
      ca: proxy.ca,
      host: domainOf(mix),
      path: "/deep/link?a=1",
      method,
      headers: {
        "x-forwarded-for": `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`,
        ...(accept === undefined ? {} : { accept }),
        ...(method === "POST" && body === undefined ? { "content-type": "application/json" } : {}),
        ...headers,
      },
      ...(method === "POST" ? { body: body ?? "{}" } : {}),
    };
    if (client !== "WebSocket") {
      const reply = await get(whole);
      return { ...reply, reached: backend.requests.length - before };
    }
    const reply = await openWebSocket(whole);
    reply.socket?.destroy();
    return { ...reply, reached: backend.requests.length - before };
  }

  /** What nobody we know gets. */
  function assertAsked(
    mix: readonly Method[],
    client: Client,
    outcome: Outcome & { reached: number },
    what: string,
  ) {
    const { status, headers, body } = outcome;
    assert.equal(outcome.reached, 0, `${what}: reached the target`);
    assert.equal(headers["cache-control"], "no-store", what);
    const onlySingleSignOn = mix.includes("oidc") && !mix.includes("password") && !mix.includes("pin");
    if (client === "browser GET" && onlySingleSignOn) {
      assert.equal(status, 302, what);
      assert.equal(headers.location, IDENTITY_PROVIDER, what);
      assert.match(
        String(headers["set-cookie"]),
        /^__Host-nb_sign_in=b\.[\w-]{43}; .*HttpOnly; Secure/,
        what,
      );
      return;
    }
    assert.equal(status, 401, what);
    assert.equal(headers.location, undefined, what);
    assert.equal(headers["set-cookie"], undefined, what);
    assert.equal(headers["www-authenticate"], `NetBird realm="${domainOf(mix)}"`, what);
    if (client.startsWith("browser")) assert.match(String(headers["content-type"]), /^text\/html/, what);
    else {
      assert.equal(headers["content-type"], "application/json", what);
      assert.equal(JSON.parse(body).code, "access.login_required", what);
    }
    if (client === "browser HEAD") assert.equal(body, "", what);
    else if (client.startsWith("browser")) assert.match(body, /<h1>Sign in to /, what);
  }

  function assertIn(client: Client, outcome: Outcome & { reached: number }, what: string): void {
    assert.equal(outcome.reached, 1, what);
    assert.equal(outcome.status, client === "WebSocket" ? 101 : 200, what);
    assert.equal(outcome.headers["www-authenticate"], undefined, what);
  }

  for (const mix of mixes) {
    const name = mix.join(" + ");
    const domain = domainOf(mix);
    const everyClient = Object.keys(clients) as Client[];

    test(`${name}: without a credential`, async () => {
      for (const client of everyClient) assertAsked(mix, client, await ask(mix, client), client);
    });

    test(`${name}: with a session of the service`, async () => {
      for (const method of mix) {
        const cookie = `nb_session=${await session(method, domain)}`;
        for (const client of everyClient) {
          const outcome = await ask(mix, client, { cookie });
          assertIn(client, outcome, `${method}, ${client}`);
          assert.equal(outcome.headers["set-cookie"], undefined);
        }
      }
    });

    for (const [bad, make] of Object.entries(refusedSessions)) {
      test(`${name}: with a session that is ${bad}`, async () => {
        for (const method of mix) {
          const cookie = `nb_session=${await make(method, domain)}`;
          for (const client of everyClient)
            assertAsked(mix, client, await ask(mix, client, { cookie }), `${method}, ${client}`);
        }
      });
    }

    test(`${name}: with a session of a scheme that the service has not`, async () => {
      for (const method of all.filter((one) => !mix.includes(one))) {
        const cookie = `nb_session=${await session(method, domain)}`;
        for (const client of everyClient)
          assertAsked(mix, client, await ask(mix, client, { cookie }), `${method}, ${client}`);
      }
    });

    for (const method of ["password", "pin"] as const) {
      test(`${name}: with a ${method} in a form`, async () => {
        const token = await session(method, domain);
        proxy.management.authenticate = ({ request }) => {
          const secret = request?.$case === "password" ? request.value.password : "";
          const right = request?.$case === "pin" ? request.value.pin === "right" : secret === "right";
          return { success: right, sessionToken: right ? token : "" };
        };
        for (const client of ["browser POST", "program POST"] as const) {
          const asked = proxy.management.authentications.length;
          const wrong = await ask(mix, client, form, `${method}=wrong`);
          const right = await ask(mix, client, form, `${method}=right`);
          if (!mix.includes(method)) {
            assertAsked(mix, client, wrong, client);
            assertAsked(mix, client, right, client);
            assert.equal(proxy.management.authentications.length, asked);
            continue;
          }
          assert.deepEqual([wrong.status, wrong.reached], [401, 0]);
          assert.equal(wrong.headers["set-cookie"], undefined);
          assert.equal(wrong.headers["www-authenticate"], `NetBird realm="${domain}"`);
          if (client === "browser POST") assert.match(wrong.body, /role="alert"/);
          else assert.equal(JSON.parse(wrong.body).code, "access.credentials_wrong");
          assert.deepEqual([right.status, right.reached], [303, 0]);
          assert.equal(right.headers.location, "/deep/link?a=1");
          assert.equal(
            String(right.headers["set-cookie"]),
            `nb_session=${token}; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax`,
          );
        }
      });
    }

    test(`${name}: with a credential in a header`, async () => {
      const token = await session("header", domain);
      proxy.management.authenticate = ({ request }) => {
        const right = request?.$case === "headerAuth" && request.value.headerValue === `right ${name}`;
        return { success: right, sessionToken: right ? token : "" };
      };
      for (const client of everyClient) {
        const wrong = await ask(mix, client, { "X-Key": "wrong" });
        const right = await ask(mix, client, { "X-Key": `right ${name}` });
        if (!mix.includes("header")) {
          assertAsked(mix, client, wrong, client);
          assertAsked(mix, client, right, client);
          continue;
        }
        assert.deepEqual([wrong.status, wrong.reached], [401, 0], client);
        assert.equal(wrong.headers["set-cookie"], undefined);
        assert.equal(wrong.headers["www-authenticate"], `NetBird realm="${domain}"`);
        assertIn(client, right, client);
        assert.equal(backend.requests.at(-1)!.headers["x-key"], undefined, "the secret stays here");
      }
    });
  }
});
