import assert from "node:assert/strict";
import type { ProxyId, ServiceId } from "@netbird-proxy/proto";
import { verifySecret } from "../../src/secrets/password-hash.ts";
import { getService, updateServiceColumns } from "../../src/store/services.ts";
import { CLUSTER, contents, type RestServer, refusal, startRestServer } from "../support/rest-server.ts";

const services = "/reverse-proxies/services";
const OTHER = "us.example.net";

// biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes
type Body = Record<string, any>;

suite("a service's life over REST (§2.5, §2.10, §2.11)", () => {
  let server: RestServer;
  let peer: string;
  let group: string;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    await server.connectProxy({ id: "proxy-2" as ProxyId, cluster: OTHER, capabilities: {} });
    peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
    group = (await server.call("POST", "/groups", { name: "staff" })).body.id;
  });
  teardown(() => server.close());

  const target = (change: Body = {}) => ({
    target_id: peer,
    target_type: "peer",
    protocol: "http",
    port: 8080,
    enabled: true,
    ...change,
  });
  const wiki = (change: Body = {}): Body => ({
    name: "wiki",
    domain: `wiki.${CLUSTER}`,
    enabled: true,
    targets: [target()],
    ...change,
  });
  const make = async (body: Body): Promise<Body> => {
    const { status, body: made, text } = await server.call("POST", services, body);
    assert.equal(status, 200, text);
    return made;
  };
  const put = (id: string, body: Body, token?: string) =>
    server.call("PUT", `${services}/${id}`, body, token);
  const stored = async (id: string) => (await getService(server.store.db, server.account, id))!;

  test("PUT resets every optional field that it leaves out, and keeps what is not the caller's", async () => {
    const made = await make(
      wiki({
        public: true,
        pass_host_header: true,
        rewrite_redirects: true,
        auth: { pin_auth: { enabled: true, pin: "1" }, header_auths: [] },
        access_restrictions: { allowed_countries: ["DE"], crowdsec_mode: "off" },
        access_groups: [group],
        targets: [
          target({ path: "/a", options: { request_timeout: "5s", path_rewrite: "preserve" } }),
          target({ path: "/b", port: 0 }),
        ],
      }),
    );
    const before = await stored(made.id);
    server.nowMs += 60_000;
    const least = { name: "w", domain: `wiki.${CLUSTER}`, targets: [{ ...target(), enabled: undefined }] };
    const { body } = await put(made.id, least);
    assert.deepEqual(body, {
      id: made.id,
      name: "w",
      domain: `wiki.${CLUSTER}`,
      mode: "http",
      listen_port: 0,
      port_auto_assigned: false,
      proxy_cluster: CLUSTER,
      enabled: false,
      terminated: false,
      private: false,
      pass_host_header: false,
      rewrite_redirects: false,
      auth: {},
      targets: [
        {
          target_id: peer,
          target_type: "peer",
          protocol: "http",
          port: 8080,
          host: made.targets[0].host,
          enabled: false,
          options: {},
        },
      ],
      meta: { ...body.meta, created_at: made.meta.created_at },
      public: false,
      url: made.url,
      warnings: body.warnings,
    });
    const after = await stored(made.id);
    assert.equal(after.sessionPublicKey, before.sessionPublicKey);
    assert.equal(after.sessionPrivateKey, before.sessionPrivateKey);
    assert.ok(after.revision > before.revision);
  });

  test("a certificate's date survives a PUT", async () => {
    const { id } = await make(wiki());
    const issued = Date.parse("2026-08-01T00:00:00Z");
    await updateServiceColumns(server.store.db, server.account, id as ServiceId, {
      certificateIssuedAt: issued,
    });
    const { body } = await put(id, wiki({ name: "other" }));
    assert.equal(body.meta.certificate_issued_at, "2026-08-01T00:00:00.000Z");
  });

  suite("secrets on PUT", () => {
    const password = (enabled: boolean, secret?: string) => ({
      auth: { password_auth: { enabled, password: secret } },
    });
    const header = (...entries: [header: string, value?: string, enabled?: boolean][]) => ({
      auth: {
        header_auths: entries.map(([name, value, enabled = true]) => ({ enabled, header: name, value })),
      },
    });
    const MISSING = { status: 422, code: "service.secret_missing" };

    for (const [why, secret] of [
      ["absent", undefined],
      ["null", null],
      ["empty", ""],
    ] as [string, string | undefined][]) {
      test(`an ${why} one keeps what is stored, for password and PIN`, async () => {
        const { id } = await make(
          wiki({
            auth: {
              password_auth: { enabled: true, password: "first" },
              pin_auth: { enabled: true, pin: "0000" },
            },
          }),
        );
        const before = await stored(id);
        const answer = await put(
          id,
          wiki({
            auth: {
              password_auth: { enabled: true, password: secret },
              pin_auth: { enabled: true, pin: secret },
            },
          }),
        );
        assert.equal(answer.status, 200, answer.text);
        assert.deepEqual((await stored(id)).auth, before.auth);
      });
    }

    test("a new one replaces what is stored", async () => {
      const { id } = await make(wiki(password(true, "first")));
      await put(id, wiki(password(true, "second")));
      const { hash } = (await stored(id)).auth.password!;
      assert.deepEqual(
        [await verifySecret(hash, "first"), await verifySecret(hash, "second")],
        [false, true],
      );
    });

    test("one that was never sent is missing, and auth that was absent is gone", async () => {
      const { id } = await make(wiki());
      const at = { ...MISSING, path: "auth.password_auth.password" };
      assert.deepEqual(refusal(await put(id, wiki(password(true)))), at);
      await put(id, wiki(password(true, "first")));
      await put(id, wiki());
      assert.deepEqual((await stored(id)).auth, {});
      assert.deepEqual(refusal(await put(id, wiki(password(true)))), at);
    });

    test("one that is switched off and on again is still there", async () => {
      const { id } = await make(wiki(password(true, "first")));
      await put(id, wiki(password(false)));
      assert.equal((await stored(id)).auth.password!.enabled, false);
      assert.equal((await put(id, wiki(password(true)))).status, 200);
      assert.ok(await verifySecret((await stored(id)).auth.password!.hash, "first"));
    });

    test("a header without value takes that of the same name, in any case and order", async () => {
      const { id } = await make(wiki(header(["X-A", "a"], ["X-B", "b"])));
      const answer = await put(id, wiki(header(["x-b"], ["X-C", "c"], ["x-a", ""])));
      assert.equal(answer.status, 200, answer.text);
      const [b, c, a] = (await stored(id)).auth.headers!;
      assert.ok(await verifySecret(b!.hash, "b"));
      assert.ok(await verifySecret(c!.hash, "c"));
      assert.ok(await verifySecret(a!.hash, "a"));
      assert.deepEqual([b!.header, c!.header, a!.header], ["x-b", "X-C", "x-a"]);
    });

    test("of two headers with one name the last is taken", async () => {
      const { id } = await make(wiki(header(["X-A", "first"], ["x-a", "last"])));
      await put(id, wiki(header(["X-A"])));
      assert.ok(await verifySecret((await stored(id)).auth.headers![0]!.hash, "last"));
    });

    test("a header of another name has no value", async () => {
      const { id } = await make(wiki(header(["X-A", "a"])));
      const path = "auth.header_auths[1].value";
      assert.deepEqual(refusal(await put(id, wiki(header(["X-A"], ["X-B"])))), { ...MISSING, path });
      assert.ok(await verifySecret((await stored(id)).auth.headers![0]!.hash, "a"));
    });
  });

  test("the first thing that is wrong with a new service is what it is refused for", async () => {
    await make(wiki());
    await server.connectProxy({
      id: "proxy-3" as ProxyId,
      cluster: "own.test",
      capabilities: { requireSubdomain: true },
    });
    const twin = { mode: "udp", targets: [target({ protocol: "udp" })], listen_port: 5000 };
    await make(wiki({ ...twin, domain: `twin.${CLUSTER}` }));
    const auth = { header_auths: [{ enabled: true, header: "X-A" }] };
    const body: Body = wiki({
      domain: "wiki.nowhere.test",
      auth,
      targets: [target({ target_id: "nobody", port: -1 })],
    });
    const refused = async (text: string | Body, token?: string) => {
      const before = await contents(server.store);
      const answer = await server.call("POST", services, text, token);
      assert.deepEqual(await contents(server.store), before);
      const { status, code, path } = refusal(answer);
      return [status, code, path];
    };
    assert.deepEqual(await refused("{"), [400, "request.malformed", ""]);
    assert.deepEqual(await refused(body), [422, "service.port_out_of_range", "targets[0].port"]);
    body.targets = [target({ target_id: "nobody" })];
    assert.deepEqual(await refused(body), [412, "service.no_cluster", "domain"]);
    assert.deepEqual(await refused({ ...body, domain: "own.test" }), [
      422,
      "service.subdomain_required",
      "domain",
    ]);
    body.domain = `wiki.${CLUSTER}`;
    assert.deepEqual(await refused(body), [422, "service.secret_missing", "auth.header_auths[0].value"]);
    delete body.auth;
    assert.deepEqual(await refused(body), [422, "service.target_not_found", "targets[0].target_id"]);
    body.targets = [target()];
    assert.deepEqual(await refused(body), [409, "service.domain_taken", "domain"]);

    const plain = wiki({ ...twin, domain: `twin.${CLUSTER}` });
    assert.deepEqual(await refused(plain), [409, "service.domain_taken", "domain"]);
    plain.domain = `db.${OTHER}`;
    assert.deepEqual(await refused(plain), [422, "service.custom_ports_unsupported", "listen_port"]);
    plain.domain = `db.${CLUSTER}`;
    assert.deepEqual(await refused(plain), [409, "service.port_taken", "listen_port"]);
    assert.equal((await server.call("POST", services, { ...plain, listen_port: 5001 })).status, 200);
  });

  test("the first thing that is wrong with a change is what it is refused for", async () => {
    await make(wiki());
    const relay = (change: Body = {}) =>
      wiki({ name: "relay", mode: "udp", targets: [target({ protocol: "udp" })], ...change });
    await make(relay({ domain: `twin.${CLUSTER}`, listen_port: 5000 }));
    const { id } = await make(relay({ domain: `relay.${CLUSTER}`, listen_port: 5001 }));
    const { id: shop } = await make(wiki({ domain: `shop.${CLUSTER}` }));
    const refused = async (target: string, body: Body) => {
      const before = await contents(server.store);
      const { status, code, path } = refusal(await put(target, body));
      assert.deepEqual(await contents(server.store), before);
      return [status, code, path];
    };
    const NOT_FOUND = [422, "service.target_not_found", "targets[0].target_id"];

    const unknown = "d2k0example0000000ab";
    assert.deepEqual(await refused(unknown, wiki({ name: "" })), [422, "service.invalid", "name"]);
    const lost = { domain: "wiki.nowhere.test", targets: [target({ target_id: "nobody" })] };
    assert.deepEqual(await refused(unknown, wiki(lost)), [404, "service.not_found", ""]);

    await updateServiceColumns(server.store.db, server.account, shop as ServiceId, { terminated: true });
    assert.deepEqual(await refused(shop, wiki(lost)), NOT_FOUND);
    const change: Body = { ...wiki(), mode: "tls", listen_port: 443 };
    assert.deepEqual(await refused(shop, change), [403, "service.terminated", ""]);
    await updateServiceColumns(server.store.db, server.account, shop as ServiceId, { terminated: false });
    assert.deepEqual(await refused(shop, change), [422, "service.mode_immutable", "mode"]);
    const keyless = { auth: { header_auths: [{ enabled: true, header: "X-A" }] } };
    assert.deepEqual(await refused(shop, wiki(keyless)), [409, "service.domain_taken", "domain"]);
    assert.deepEqual(await refused(shop, wiki({ ...keyless, domain: `shop.${CLUSTER}` })), [
      422,
      "service.secret_missing",
      "auth.header_auths[0].value",
    ]);

    const move = relay({ domain: `wiki.${CLUSTER}`, listen_port: 5000 });
    assert.deepEqual(await refused(id, move), [409, "service.domain_taken", "domain"]);
    assert.deepEqual(await refused(id, { ...move, domain: `relay.${OTHER}` }), [
      422,
      "service.custom_ports_unsupported",
      "listen_port",
    ]);
    assert.deepEqual(await refused(id, { ...move, domain: `relay.${CLUSTER}` }), [
      409,
      "service.port_taken",
      "listen_port",
    ]);
  });

  test("who may not write learns nothing about what exists, only whether the JSON has the right types", async () => {
    const { body: robot } = await server.call("POST", "/users", {
      name: "robot",
      role: "auditor",
      auto_groups: [],
      is_service_user: true,
    });
    const { body: made } = await server.call("POST", `/users/${robot.id}/tokens`, {
      name: "t",
      expires_in: 1,
    });
    const { id } = await make(wiki());
    for (const [method, path] of [
      ["POST", services],
      ["PUT", `${services}/${id}`],
      ["PUT", `${services}/d2k0example0000000ab`],
    ] as const) {
      const status = async (body: Body) => (await server.call(method, path, body, made.plain_token)).status;
      assert.equal(await status(wiki({ name: 5 })), 400, method);
      assert.equal(await status(wiki({ name: "" })), 403, method);
      assert.equal(await status(wiki()), 403, method);
    }
  });

  test("a terminated service is shown as switched off, and can be deleted but not changed", async () => {
    const { id } = await make(wiki());
    await updateServiceColumns(server.store.db, server.account, id as ServiceId, { terminated: true });
    const { body } = await server.call("GET", `${services}/${id}`);
    assert.deepEqual([body.terminated, body.enabled, body.targets[0].enabled], [true, false, false]);
    const before = await contents(server.store);
    assert.equal((await put(id, wiki())).status, 403);
    assert.deepEqual(await contents(server.store), before);
    assert.equal((await server.call("DELETE", `${services}/${id}`)).status, 200);
  });

  test("a service's own domain is free for it, in any case, and keeps its cluster", async () => {
    const { id } = await make(wiki());
    const { status, body } = await put(id, wiki({ domain: `WIKI.${CLUSTER}` }));
    assert.deepEqual([status, body.domain, body.proxy_cluster], [200, `WIKI.${CLUSTER}`, CLUSTER]);
  });

  test("a move to a cluster where the port is taken is a conflict", async () => {
    await server.connectProxy({
      id: "proxy-2" as ProxyId,
      cluster: OTHER,
      capabilities: { supportsCustomPorts: true },
    });
    const relay = (change: Body) =>
      wiki({ mode: "tcp", targets: [target({ protocol: "tcp" })], listen_port: 5000, ...change });
    const { id } = await make(relay({ domain: `db.${CLUSTER}` }));
    await make(relay({ domain: `taken.${OTHER}` }));
    for (const port of [undefined, 0, 5000]) {
      const answer = await put(id, relay({ domain: `db.${OTHER}`, listen_port: port }));
      assert.deepEqual(refusal(answer), { status: 409, code: "service.port_taken", path: "listen_port" });
    }
  });
});
