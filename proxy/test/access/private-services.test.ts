import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import type { management } from "@netbird-proxy/proto/grpc";
import { createLocalJWKSet, jwtVerify } from "jose";
import { createAuthority, issueClientCertificate } from "../../../scripts/stack/local-ca.ts";
import { SeededRandom } from "../../../tunnel/test/support/seeded-random.ts";
import { decide } from "../../src/access/decide-access.ts";
import { accessPolicy } from "../../src/access/policy.ts";
import { get, http2Get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService, removed } from "../support/mappings.ts";
import {
  OverlayVisitor,
  type PeerSketch,
  PROXY_ADDRESS,
  tellOverlay,
  type Visit,
} from "../support/overlay.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";
import { authentication, sessionToken } from "../support/sessions.ts";
import { type SocketBackend, startSocketBackend } from "../support/websocket.ts";

const HOST = "app.example.test";
const upgrade = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

suite("private services", () => {
  let proxy: TestProxy;
  let backend: SocketBackend;
  let visitor: OverlayVisitor;
  let stranger: OverlayVisitor;
  let revision = 0n;

  setup(async () => {
    // A list that covers the overlay (weakness 2) must not let peers speak for each other.
    proxy = await startTestProxy({ NB_PROXY_TRUSTED_PROXIES: "100.64.0.0/10" });
    backend = await startSocketBackend();
    visitor = await OverlayVisitor.create(proxy, "100.64.0.2");
    stranger = await OverlayVisitor.create(proxy, "100.64.0.3");
    tell({ visitor, groups: ["staff"], user: "ann@example.test" }, { visitor: stranger, groups: ["guests"] });
  });
  teardown(async () => {
    backend.close();
    await visitor.close();
    await stranger.close();
    await proxy.close();
  });

  function tell(...peers: PeerSketch[]): void {
    revision += 1n;
    tellOverlay(proxy, "account-1", revision, peers);
  }

  /** A service that is private, for the group `staff`. */
  function privately(more: Partial<management.ProxyMapping> = {}, id = "app"): management.ProxyMapping {
    return httpService(id, `${id}.example.test`, backend.url, {
      private: true,
      tunnelLogin: { everyPeer: false, groupIds: ["staff"] },
      ...more,
    });
  }

  const status = async (who: OverlayVisitor, visit?: Visit) => (await who.visit(visit)).status;
  const code = async (who: OverlayVisitor, visit: Visit = {}) => {
    const reply = await who.visit({ ...visit, headers: { accept: "application/json", ...visit.headers } });
    return `${reply.status} ${JSON.parse(reply.body).error?.code ?? JSON.parse(reply.body).code}`;
  };

  test("a peer in one of its groups gets in, and the target hears who it is", async () => {
    await proxy.management.apply(privately());
    const reply = await visitor.visit({
      path: "/deep?query=1",
      headers: { "x-forwarded-for": "8.8.8.8", "x-netbird-user": "root@example.test" },
    });
    assert.equal(reply.status, 200);
    assert.equal(reply.body, "inside");
    assert.equal(reply.headers["set-cookie"], undefined, "the tunnel is the session");
    const { url, headers } = backend.requests.at(-1)!;
    assert.equal(url, "/deep?query=1");
    assert.equal(headers["x-netbird-user"], "ann@example.test");
    assert.equal(headers["x-netbird-groups"], "name of staff");
    assert.equal(headers["x-forwarded-for"], "100.64.0.2");
    assert.equal(headers["x-forwarded-proto"], "https");
    assert.equal(headers["x-forwarded-port"], "443");
    await until(() => proxy.management.accessLogs.length > 0);
    assert.equal(proxy.management.accessLogs.at(-1)!.authMechanism, "tunnel");
    assert.equal(proxy.management.accessLogs.at(-1)!.userId, "user-1");
  });

  test("is served over HTTP/2 too", async () => {
    await proxy.management.apply(privately());
    await visitor.visit();
    const raw = await visitor.device.dialTcp({ host: PROXY_ADDRESS, port: 443 });
    const session = connectHttp2(`https://${HOST}`, {
      createConnection: () =>
        connectTls({ socket: raw, servername: HOST, ca: proxy.ca, ALPNProtocols: ["h2"] }),
    });
    const replies = await Promise.all(["/1", "/2", "/3"].map((path) => http2Get(session, { ":path": path })));
    assert.deepEqual(
      replies.map(({ status, body }) => `${status} ${body}`),
      ["200 inside", "200 inside", "200 inside"],
    );
    session.destroy();
  });

  test("plain HTTP inside the overlay reaches private services; others send to https", async () => {
    await proxy.management.apply(privately(), httpService("open", "open.example.test", backend.url));
    const reply = await visitor.visit({ plain: true });
    assert.equal(reply.status, 200);
    assert.equal(backend.requests.at(-1)!.headers["x-forwarded-proto"], "http");
    assert.equal(backend.requests.at(-1)!.headers["x-forwarded-port"], "80");
    assert.equal(await code(stranger, { plain: true }), "403 access.not_in_group");
    const redirect = await visitor.visit({ plain: true, host: "open.example.test", path: "/a?b=c" });
    assert.equal(redirect.status, 308);
    assert.equal(redirect.headers.location, "https://open.example.test/a?b=c");
    assert.equal(await status(visitor, { host: "open.example.test" }), 200);
  });

  test("nobody gets in over the public listener, whatever they bring along", async () => {
    await proxy.management.apply(privately({ auth: authentication({ password: true, pin: true }) }));
    const session = await sessionToken({ audience: HOST, method: "password" });
    const attempts: Record<string, string>[] = [
      {},
      { cookie: `nb_session=${session}` },
      { "x-forwarded-for": "100.64.0.2" },
    ];
    for (const headers of attempts) {
      for (const path of ["/", "/.netbird/sign-out", "/.netbird/jwks.json"]) {
        const reply = await get({
          port: proxy.port,
          ca: proxy.ca,
          path,
          headers: { accept: "application/json", ...headers },
        });
        assert.equal(reply.status, 403);
        assert.match(reply.body, /access\.private/);
      }
    }
    assert.equal(backend.requests.length, 0);
  });

  test("other peers hear that they are in no group of it; other ways to sign in do not count", async () => {
    await proxy.management.apply(privately({ auth: authentication({ password: true }) }));
    assert.equal(await code(stranger), "403 access.not_in_group");
    assert.equal(
      await code(stranger, { headers: { "x-forwarded-for": visitor.address, "x-real-ip": visitor.address } }),
      "403 access.not_in_group",
    );
    const session = await sessionToken({ audience: HOST, method: "password" });
    assert.equal(
      await code(stranger, { headers: { cookie: `nb_session=${session}` } }),
      "403 access.not_in_group",
    );
    assert.equal(backend.requests.length, 0);
  });

  test("who leaves the group, or is blocked, is out with the next request, and their WebSockets are cut", async () => {
    await proxy.management.apply(privately());
    for (const groups of [["guests"], undefined]) {
      tell({ visitor, groups: ["staff"] }, { visitor: stranger, groups: ["staff"] });
      const { status: opened, socket } = await visitor.visit({ headers: upgrade });
      const other = await stranger.visit({ headers: upgrade });
      assert.equal(opened, 101);
      assert.equal(other.status, 101);
      let cut = false;
      let otherCut = false;
      socket!.on("end", () => {
        cut = true;
      });
      socket!.resume();
      other.socket!.on("end", () => {
        otherCut = true;
      });
      other.socket!.resume();
      tell({ visitor, groups }, { visitor: stranger, groups: ["staff"] });
      await until(() => cut, "the WebSocket to be cut");
      assert.equal(await code(visitor), "403 access.not_in_group");
      assert.equal(otherCut, false, "another peer's stays");
      assert.equal(await status(stranger), 200);
      socket!.destroy();
      other.socket!.destroy();
    }
  });

  test("addresses behind a routing peer are nobody's login", async () => {
    const behind = await OverlayVisitor.create(proxy, "10.9.0.5");
    tell({ visitor: behind, address: "100.64.0.2", groups: ["staff"], routes: ["10.9.0.0/16"] });
    await proxy.management.apply(privately());
    await assert.rejects(behind.visit(), { code: "ECONNREFUSED" });
    // The router itself, with its own address, gets in.
    behind.device.setAddresses(["100.64.0.2"]);
    assert.equal(await status(behind), 200);
    await behind.close();
  });

  test("weakness 13: a peer that connects and says nothing holds up nobody", async () => {
    await proxy.management.apply(privately());
    assert.equal(await status(visitor), 200);
    const silent = await Promise.all(
      [80, 443, 80, 443].map((port) => stranger.device.dialTcp({ host: PROXY_ADDRESS, port })),
    );
    for (const socket of silent) socket.on("error", () => {});
    const before = performance.now();
    assert.deepEqual([await status(visitor), await status(visitor, { plain: true })], [200, 200]);
    // They are given up after five seconds; whoever waited for that would wait longer.
    assert.ok(
      silent.every((socket) => !socket.destroyed),
      `answered after ${performance.now() - before} ms`,
    );
    for (const socket of silent) socket.destroy();
  });

  test("nothing but HTTP is offered inside the overlay", async () => {
    await proxy.management.apply(privately());
    await visitor.visit();
    for (const port of [22, 8080, proxy.port]) {
      await assert.rejects(visitor.device.dialTcp({ host: PROXY_ADDRESS, port }), { code: "ECONNREFUSED" });
    }
  });

  test("weakness 2: an account's overlay leads to that account's services only, though addresses are the same", async () => {
    const theirs = await OverlayVisitor.create(proxy, "100.64.0.2");
    tellOverlay(proxy, "account-2", 1n, [{ visitor: theirs, groups: ["staff"], user: "eve@example.test" }]);
    await proxy.management.apply(
      privately(),
      privately({ accountId: "account-2" }, "other"),
      httpService("public", "public.example.test", backend.url),
    );
    assert.equal(await status(visitor), 200);
    assert.equal(backend.requests.at(-1)!.headers["x-netbird-user"], "ann@example.test");
    assert.equal(await status(theirs, { host: "other.example.test" }), 200);
    assert.equal(backend.requests.at(-1)!.headers["x-netbird-user"], "eve@example.test");
    const before = backend.requests.length;
    for (const host of [HOST, "public.example.test"]) {
      assert.equal(await code(theirs, { host }), "404 service.not_found");
      assert.equal(await code(theirs, { host, plain: true }), "404 service.not_found");
    }
    assert.equal(await code(visitor, { host: "other.example.test" }), "404 service.not_found");
    assert.equal(backend.requests.length, before);
    await theirs.close();
  });

  test("weakness 6: being in the overlay stands for single sign-on, and for no other method", async () => {
    const auth = (more: Partial<management.Authentication>) => authentication(more);
    await proxy.management.apply(
      privately(
        {
          private: false,
          auth: auth({ oidc: true, pin: true }),
          tunnelLogin: { everyPeer: false, groupIds: ["staff"] },
        },
        "sso",
      ),
      privately(
        { private: false, auth: auth({ oidc: true }), tunnelLogin: { everyPeer: true, groupIds: [] } },
        "all",
      ),
      privately({ private: false, auth: auth({ pin: true }), tunnelLogin: undefined }, "pin"),
    );
    assert.equal(await status(visitor, { host: "sso.example.test" }), 200);
    assert.equal(backend.requests.at(-1)!.headers["x-netbird-user"], "ann@example.test");
    assert.equal(await code(stranger, { host: "sso.example.test" }), "401 access.login_required");
    assert.equal(await status(stranger, { host: "all.example.test" }), 200);
    assert.equal(await code(visitor, { host: "pin.example.test" }), "401 access.login_required");
    // From outside nothing has changed.
    const reply = await get({
      port: proxy.port,
      ca: proxy.ca,
      host: "sso.example.test",
      headers: { accept: "application/json" },
    });
    assert.equal(reply.status, 401);
  });

  test("access rules close parts of it, and open none", async () => {
    await proxy.management.apply(
      privately({
        accessRules: [
          { pathPrefix: "/closed", action: "deny" },
          { pathPrefix: "/webhook", action: "allow" },
          { pathPrefix: "/pin", action: "require", require: ["pin"] },
        ].map((rule) => ({
          path: "",
          methods: [],
          headerName: "",
          headerValue: undefined,
          require: [],
          observe: false,
          ...rule,
        })),
      }),
    );
    assert.equal(await code(visitor, { path: "/closed/x" }), "403 access.rule_denied");
    assert.equal(await code(stranger, { path: "/webhook" }), "403 access.not_in_group");
    assert.equal(await status(visitor, { path: "/webhook" }), 200);
    assert.equal(await code(visitor, { path: "/pin" }), "403 access.rule_denied");
    const outside = await get({ port: proxy.port, ca: proxy.ca, path: "/webhook" });
    assert.equal(outside.status, 403);
  });

  test("address ranges count inside the overlay, countries do not", async () => {
    const accessRestrictions = (more: Partial<management.AccessRestrictions>) => ({
      allowedCidrs: [],
      blockedCidrs: [],
      allowedCountries: [],
      blockedCountries: [],
      crowdsecMode: "",
      observed: undefined,
      requestRate: undefined,
      ...more,
    });
    await proxy.management.apply(
      privately({
        accessRestrictions: accessRestrictions({ allowedCountries: ["NO"], crowdsecMode: "enforce" }),
      }),
      privately({ accessRestrictions: accessRestrictions({ blockedCidrs: ["100.64.0.2/32"] }) }, "ranges"),
    );
    assert.equal(await status(visitor), 200);
    assert.equal(await code(visitor, { host: "ranges.example.test" }), "403 access.ip_restricted");
  });

  test("a proxy that restarts while the server is away still knows who may come in", async () => {
    await proxy.management.apply(privately());
    assert.equal(await status(visitor), 200);
    assert.equal(await code(stranger), "403 access.not_in_group");
    await proxy.stop();
    proxy.management.stop();
    await proxy.start();
    // It calls them where it saw them last, so nobody waits until the session from before is found dead.
    assert.equal(await status(visitor), 200);
    assert.equal(await code(stranger), "403 access.not_in_group");
  });

  test("a device that is never let in does not slip through while everything changes", async () => {
    const random = new SeededRandom(7);
    const pick = <T>(...choices: T[]): T => choices[random.below(choices.length)]!;
    const login = (...groupIds: string[]) => ({ everyPeer: false, groupIds });
    const change = async () => {
      tell(
        { visitor, groups: pick(["staff"], ["staff", "guests"], ["others"], undefined) },
        { visitor: stranger, groups: pick(["guests"], [], undefined) },
      );
      await proxy.management.apply(
        pick(
          privately(),
          privately({ tunnelLogin: login("staff", "others") }),
          privately({ tunnelLogin: login() }),
          privately({ private: false, auth: authentication({ oidc: true }), tunnelLogin: login("staff") }),
          privately({ private: false, auth: authentication({ pin: true }), tunnelLogin: undefined }),
          removed("app"),
        ),
      );
    };
    // The other service keeps the tunnel up while there is none of this name.
    await proxy.management.apply(privately(), privately({}, "other"));
    let over = false;
    const keepAsking = async (who: OverlayVisitor, name: string) => {
      let asked = 0;
      for (; !over; asked += 1) {
        await who.visit({ plain: asked % 2 === 1, headers: { "x-test-from": name } }).catch(() => {});
      }
      return asked;
    };
    const asking = [keepAsking(visitor, "member"), keepAsking(stranger, "stranger")];
    for (let n = 0; n < 200; n += 1) await change();
    over = true;
    for (const asked of await Promise.all(asking)) assert.ok(asked > 50, `only ${asked} requests`);
    const forwarded = backend.requests.map(({ headers }) => headers["x-test-from"]);
    assert.ok(forwarded.includes("member"), "nobody got in at all");
    assert.equal(forwarded.filter((name) => name === "stranger").length, 0);
  });

  test("an account whose only service went and came back has its devices back at once", async () => {
    await proxy.management.apply(privately());
    assert.equal(await status(visitor), 200);
    await proxy.management.apply(removed("app"));
    await proxy.management.apply(privately());
    assert.equal(await status(visitor), 200);
  });

  test("gRPC weakness 8: the account is left with its last service, also after a change of the domain", async () => {
    const left = () =>
      proxy.management.tunnelMessages.some(
        ({ msg }) => msg?.$case === "leaveAccountId" && msg.value === "account-1",
      );
    await proxy.management.apply(privately());
    assert.equal(await status(visitor), 200);
    await proxy.management.apply(privately({ domain: "moved.example.test" }));
    assert.equal(await code(visitor), "404 service.not_found");
    assert.equal(await status(visitor, { host: "moved.example.test" }), 200);
    assert.equal(left(), false);
    await proxy.management.apply(removed("app"));
    await until(left, "the account to be left");
  });

  test("client certificates are asked for inside the overlay as well", async () => {
    const ours = await createAuthority("Ours");
    const client = await issueClientCertificate(ours, "build-server");
    await proxy.management.apply(
      httpService("mutual", "mutual.example.test", backend.url, {
        auth: authentication({ clientAuthorityPem: ours.certificate }),
      }),
      privately(),
    );
    assert.equal(
      await status(visitor, {
        host: "mutual.example.test",
        client: { cert: client.certificate, key: client.key },
      }),
      200,
    );
    assert.equal(await code(visitor, { host: "mutual.example.test" }), "401 access.login_required");
    assert.equal(await status(visitor), 200);
  });

  test("targets can verify who the peer is, with keys from inside the overlay", async () => {
    await proxy.management.apply(privately({ auth: authentication({ identityKey: Buffer.alloc(32, 5) }) }));
    assert.equal(await status(visitor), 200);
    const token = String(backend.requests.at(-1)!.headers["x-netbird-identity"]);
    const keys = await visitor.visit({ path: "/.netbird/jwks.json" });
    assert.equal(keys.status, 200);
    const { payload } = await jwtVerify(token, createLocalJWKSet(JSON.parse(keys.body)), { audience: HOST });
    assert.equal(payload.sub, "user-1");
  });
});

test("a private service is decided by the tunnel alone", () => {
  const policy = accessPolicy(httpService("app", HOST, "http://127.0.0.1/", { private: true }));
  assert.ok(policy.ok);
  for (const method of ["public", "password", "oidc", "token", "certificate"] as const) {
    const caller = { method, userId: "user-1", user: "", groups: ["staff"] };
    assert.deepEqual(decide(policy.value, caller), { allow: false, code: "access.private" });
  }
  const peer = { method: "tunnel", userId: "user-1", user: "", groups: [] } as const;
  assert.deepEqual(decide(policy.value, peer), { allow: true, because: "authenticated" });
});

suite("a proxy that lets no peers in", () => {
  test("refuses their connections, and says so to the server", async () => {
    const proxy = await startTestProxy({ NB_PROXY_PRIVATE: "false" });
    const backend = await startSocketBackend();
    const visitor = await OverlayVisitor.create(proxy, "100.64.0.2");
    try {
      assert.equal(proxy.management.inits.at(-1)!.capabilities!.private, false);
      tellOverlay(proxy, "account-1", 1n, [{ visitor, groups: ["staff"] }]);
      await proxy.management.apply(
        httpService("app", HOST, backend.url, {
          private: true,
          tunnelLogin: { everyPeer: true, groupIds: [] },
        }),
      );
      await until(() => visitor.device.peers().length > 0);
      await assert.rejects(visitor.visit(), { code: "ECONNREFUSED" });
    } finally {
      backend.close();
      await visitor.close();
      await proxy.close();
    }
  });
});
