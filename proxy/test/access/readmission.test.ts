import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Agent } from "node:https";
import type { Duplex } from "node:stream";
import type { management } from "@netbird-proxy/proto/grpc";
import { createAuthority, issueClientCertificate, type PemPair } from "../../../scripts/stack/local-ca.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, sessionToken } from "../support/sessions.ts";
import { openWebSocket, type SocketBackend, startSocketBackend } from "../support/websocket.ts";

const HOST = "app.example.test";
const TOKEN = `nbs_${"a".repeat(36)}`;
const OTHER_TOKEN = `nbs_${"b".repeat(36)}`;

type Auth = Partial<management.Authentication>;
type Mapping = Partial<management.ProxyMapping>;

/** A way to open a WebSocket. */
interface Way {
  path?: string;
  cookie?: string;
  headers?: Record<string, string>;
  client?: boolean;
}

const token = (id: string, secret: string, expiresAt = 0n) => ({
  id,
  name: id,
  sha256: createHash("sha256").update(secret).digest(),
  expiresAt,
});

function rule(action: string, pathPrefix: string, require: string[] = []): management.AccessRule {
  return {
    path: "",
    pathPrefix,
    methods: [],
    headerName: "",
    headerValue: undefined,
    action,
    require,
    observe: false,
  };
}

const blocked = (...blockedCidrs: string[]): management.AccessRestrictions => ({
  allowedCidrs: [],
  blockedCidrs,
  allowedCountries: [],
  blockedCountries: [],
  crowdsecMode: "",
  observed: undefined,
  requestRate: undefined,
});

suite("weakness 15: WebSockets when who may use their service changes", () => {
  let proxy: TestProxy;
  let backend: SocketBackend;
  let ours: PemPair;
  let client: PemPair;
  const sockets = new Set<Duplex>();

  suiteSetup(async () => {
    proxy = await startTestProxy();
    backend = await startSocketBackend();
    ours = await createAuthority("Ours");
    client = await issueClientCertificate(ours, "build-server");
    proxy.management.validateSession = () => ({ valid: true });
    proxy.management.authenticate = () => ({ success: false, sessionToken: "" });
  });
  suiteTeardown(async () => {
    backend.close();
    await proxy.close();
  });
  teardown(() => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  });

  /** Everything at once. */
  const full = (): Auth => ({
    password: true,
    pin: true,
    oidc: true,
    token: true,
    serviceTokens: [token("one", TOKEN)],
    shareLink: true,
    clientAuthorityPem: ours.certificate,
    sessionTags: { password: "p1", pin: "i1", oidc: "o1", "link:l1": "k1" },
  });
  const open = [rule("allow", "/open")];

  async function publish(auth: Auth, more: Mapping = {}): Promise<void> {
    await proxy.management.apply(
      httpService("app", HOST, backend.url, {
        auth: authentication(auth),
        accessRules: open,
        ...more,
      }),
    );
  }

  async function ways(): Promise<Record<string, Way>> {
    const session = (method: string, tag: string, sub = method) =>
      sessionToken({ audience: HOST, method, sub, more: { session_tag: tag } });
    return {
      password: { cookie: await session("password", "p1") },
      pin: { cookie: await session("pin", "i1") },
      "single sign-on": { cookie: await session("oidc", "o1") },
      "share link": { cookie: await session("link", "k1", "l1") },
      token: { headers: { authorization: `Bearer ${TOKEN}` } },
      certificate: { client: true },
      "an open path": { path: "/open/x" },
    };
  }

  async function connect({ path = "/", cookie, headers = {}, client: shows }: Way) {
    const agent = new Agent({
      ca: proxy.ca,
      ...(shows ? { cert: client.certificate, key: client.key } : {}),
      maxCachedSessions: 0,
    });
    const { status, socket } = await openWebSocket({
      port: proxy.port,
      ca: proxy.ca,
      host: HOST,
      path,
      agent,
      headers: { ...headers, ...(cookie === undefined ? {} : { cookie: `nb_session=${cookie}` }) },
    });
    if (socket === undefined) return { status, isOpen: () => false };
    sockets.add(socket);
    let closed = false;
    socket.on("close", () => {
      closed = true;
    });
    socket.resume();
    return { status, isOpen: () => !closed };
  }

  const all = [
    "password",
    "pin",
    "single sign-on",
    "share link",
    "token",
    "certificate",
    "an open path",
  ] as const;
  const without = (...names: (typeof all)[number][]) => all.filter((name) => !names.includes(name));

  const changes: [what: string, () => [Auth, Mapping?], stay: readonly (typeof all)[number][]][] = [
    [
      "another service token",
      () => [{ ...full(), serviceTokens: [token("one", TOKEN), token("two", OTHER_TOKEN)] }],
      all,
    ],
    [
      "the token withdrawn",
      () => [{ ...full(), serviceTokens: [token("two", OTHER_TOKEN)] }],
      without("token"),
    ],
    ["the token expired", () => [{ ...full(), serviceTokens: [token("one", TOKEN, 1n)] }], without("token")],
    [
      "another password",
      () => [{ ...full(), sessionTags: { ...full().sessionTags!, password: "p2" } }],
      without("password"),
    ],
    ["no PIN any more", () => [{ ...full(), pin: false }], without("pin")],
    ["no single sign-on any more", () => [{ ...full(), oidc: false }], without("single sign-on")],
    [
      "the share link withdrawn",
      () => [{ ...full(), sessionTags: { password: "p1", pin: "i1", oidc: "o1" } }],
      without("share link"),
    ],
    [
      "no client certificates any more",
      () => [{ ...full(), clientAuthorityPem: "" }],
      without("certificate"),
    ],
    ["no open path any more", () => [full(), { accessRules: [] }], without("an open path")],
    ["the address blocked", () => [full(), { accessRestrictions: blocked("127.0.0.0/8") }], []],
    ["another address blocked", () => [full(), { accessRestrictions: blocked("192.0.2.0/24") }], all],
    ["a rule that denies everything", () => [full(), { accessRules: [rule("deny", "/")] }], []],
    [
      "a rule that requires the PIN or a token",
      () => [full(), { accessRules: [...open, rule("require", "/", ["pin", "token"])] }],
      ["pin", "token", "an open path"],
    ],
    ["a service that is private now", () => [full(), { private: true }], []],
    ["a service that is open to everybody", () => [{}, { accessRules: [] }], all],
    ["another domain", () => [full(), { domain: "other.example.test" }], []],
    [
      "sessions of a second",
      () => [{ ...full(), maxSessionAgeSeconds: 1n }],
      ["token", "certificate", "an open path"],
    ],
  ];

  for (const [what, change, stay] of changes) {
    test(`${what}: stays what could be opened anew, and nothing else`, async () => {
      await publish(full());
      const opened = new Map<string, { way: Way; isOpen: () => boolean }>();
      for (const [name, way] of Object.entries(await ways())) {
        const { status, isOpen } = await connect(way);
        assert.equal(status, 101, name);
        opened.set(name, { way, isOpen });
      }
      const [auth, more] = change();
      await publish(auth, more);
      const expected = new Set<string>(stay);
      await until(
        () => [...opened].every(([name, { isOpen }]) => expected.has(name) || !isOpen()),
        `the end of all but ${stay.join(", ")}`,
      );
      // As long again as ending the others may take.
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      for (const [name, { way, isOpen }] of opened) {
        assert.equal(isOpen(), expected.has(name), name);
        const anew = await connect(way);
        assert.equal(anew.status === 101, expected.has(name), `${name}, opened anew`);
      }
    });
  }

  test("one that was opened by a header is judged by its session: no second guess, gone with its secret", async () => {
    const session = await sessionToken({ audience: HOST, method: "header", more: { session_tag: "h1" } });
    proxy.management.authenticate = () => ({ success: true, sessionToken: session });
    const auth = (tag: string) => ({
      sessionTags: { header: tag },
      headerAuths: [{ header: "X-Key", hashedValue: "" }],
    });
    await publish(auth("h1"));
    const socket = await connect({ headers: { "x-key": "right" } });
    assert.equal(socket.status, 101);
    const asked = proxy.management.authentications.length;
    await publish({ ...auth("h1"), pin: true });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    assert.ok(socket.isOpen());
    await publish({ ...auth("h2"), pin: true });
    await until(() => !socket.isOpen(), "the end of the old secret");
    assert.equal(proxy.management.authentications.length, asked);
  });

  test("a token that runs out ends its WebSockets", async () => {
    const seconds = BigInt(Math.floor(Date.now() / 1000) + 2);
    await publish({ token: true, serviceTokens: [token("one", TOKEN, seconds)] });
    const socket = await connect({ headers: { authorization: `Bearer ${TOKEN}` } });
    assert.equal(socket.status, 101);
    await until(() => !socket.isOpen(), "the end of the token");
  });

  test("a sign-out ends one that went through a change of the service's target", async () => {
    const cookie = (await ways()).password!.cookie!;
    await publish(full());
    const socket = await connect({ cookie });
    const other = await startSocketBackend();
    try {
      await proxy.management.apply(
        httpService("app", HOST, other.url, { auth: authentication(full()), accessRules: open }),
      );
      assert.ok(socket.isOpen());
      const hash = createHash("sha256").update(cookie).digest();
      proxy.management.endedElsewhere.push({ tokenHash: hash, expiresAtMs: BigInt(Date.now() + 60_000) });
      await until(() => !socket.isOpen(), "the end of the session");
    } finally {
      other.close();
    }
  });
});
