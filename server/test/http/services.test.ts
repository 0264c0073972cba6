import assert from "node:assert/strict";
import { Service, ServiceStatusDetail } from "@netbird-proxy/proto/rest";
import { emptyReport } from "../../src/domain/service-report.ts";
import { verifySecret } from "../../src/secrets/password-hash.ts";
import { listAuditEvents } from "../../src/store/audit-events.ts";
import { readRevisionsAfter } from "../../src/store/revisions.ts";
import { saveServiceReport } from "../../src/store/service-reports.ts";
import { getService, SESSION_KEY_PURPOSE } from "../../src/store/services.ts";
import {
  assertConforms,
  CLUSTER,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

const services = "/reverse-proxies/services";

suite("services over REST", () => {
  let server: RestServer;
  let peer = "";
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
    peer = (await server.call("POST", "/peers", { name: "web" })).body.id;
  });
  teardown(() => server.close());

  const target = (change = {}) => ({
    target_id: peer,
    target_type: "peer",
    protocol: "http",
    port: 8080,
    enabled: true,
    ...change,
  });
  const wiki = (change = {}) => ({
    name: "wiki",
    domain: `wiki.${CLUSTER}`,
    enabled: true,
    targets: [target()],
    ...change,
  });
  const make = async (change = {}) => {
    const answer = await server.call("POST", services, wiki(change));
    assert.equal(answer.status, 200, answer.text);
    assertConforms(Service, answer.body);
    return answer.body as Service;
  };

  test("a new one comes back as the reference shows it, with what is ours added", async () => {
    const peers = (await server.call("GET", "/peers")).body;
    const { id, ...made } = await make({
      auth: { password_auth: { enabled: true, password: "secret" } },
      targets: [target({ options: { request_timeout: "30s" } })],
    });
    assert.match(id, /^[0-9a-v]{20}$/);
    assert.deepEqual(made, {
      name: "wiki",
      domain: `wiki.${CLUSTER}`,
      mode: "http",
      listen_port: 0,
      port_auto_assigned: false,
      proxy_cluster: CLUSTER,
      enabled: true,
      terminated: false,
      private: false,
      pass_host_header: false,
      rewrite_redirects: false,
      auth: { password_auth: { enabled: true, password: "" } },
      targets: [
        {
          target_id: peer,
          target_type: "peer",
          protocol: "http",
          port: 8080,
          host: peers[0].ip,
          enabled: true,
          options: { request_timeout: "30s" },
        },
      ],
      meta: {
        created_at: "2026-08-22T19:07:31.120Z",
        status: "pending",
        revision: made.meta.revision,
        live_revision: 0,
        live_on: [],
        status_reason: made.meta.status_reason,
      },
      public: false,
      url: `https://wiki.${CLUSTER}:8443`,
      warnings: [],
    });
    assert.deepEqual((await server.call("GET", `${services}/${id}`)).body, { id, ...made });
    assert.deepEqual((await server.call("GET", services)).body, [{ id, ...made }]);
  });

  test("secrets are hashed, the session key is sealed, and neither is in any answer", async () => {
    const made = await make({
      auth: {
        password_auth: { enabled: true, password: "s3cret-pw" },
        pin_auth: { enabled: false, pin: "123456" },
        header_auths: [{ enabled: true, header: "X-Key", value: "s3cret-header" }],
      },
    });
    const stored = (await getService(server.store.db, server.account, made.id))!;
    assert.ok(await verifySecret(stored.auth.password!.hash, "s3cret-pw"));
    assert.match(stored.auth.password!.hash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.ok(await verifySecret(stored.auth.pin!.hash, "123456"), "also while disabled");
    assert.ok(await verifySecret(stored.auth.headers![0]!.hash, "s3cret-header"));
    assert.ok(!stored.sessionPrivateKey.includes(stored.sessionPublicKey));
    const key = Buffer.from(
      server.store.secrets.open(stored.sessionPrivateKey, SESSION_KEY_PURPOSE),
      "base64",
    );
    assert.equal(key.subarray(32).toString("base64"), stored.sessionPublicKey);
    const { text } = await server.call("GET", `${services}/${made.id}`);
    assert.doesNotMatch(text, /s3cret|argon2|123456/);
  });

  test("every write appends a revision for the cluster and an audit event", async () => {
    const { db } = server.store;
    const before = (await readRevisionsAfter(db, 0, 100)).at(-1)?.revision ?? 0;
    const made = await make();
    await server.call("PUT", `${services}/${made.id}`, wiki({ enabled: false }));
    await server.call("DELETE", `${services}/${made.id}`);
    const entries = (await readRevisionsAfter(db, before, 100)).map((entry) => [
      entry.kind,
      entry.operation,
      entry.cluster,
      entry.objectId,
    ]);
    assert.deepEqual(entries, [
      ["service", "created", CLUSTER, made.id],
      ["service", "removed", CLUSTER, made.id],
      ["service", "removed", CLUSTER, made.id],
    ]);
    const events = (await listAuditEvents(db, server.account, 3))
      .map((event) => event.activityCode)
      .reverse();
    assert.deepEqual(events, ["service.create", "service.update", "service.delete"]);
    assert.equal(made.meta.revision, before + 1);
  });

  test("an update replaces everything, keeps secrets that are empty, and drops what is absent", async () => {
    const made = await make({
      auth: { password_auth: { enabled: true, password: "first" } },
      rewrite_redirects: true,
      access_restrictions: { allowed_countries: ["de"] },
    });
    const put = async (body: object) =>
      (await server.call("PUT", `${services}/${made.id}`, body)).body as Service;
    const kept = await put(wiki({ auth: { password_auth: { enabled: true, password: "" } } }));
    assert.equal(kept.rewrite_redirects, false);
    assert.equal(kept.access_restrictions, undefined);
    const stored = async () => (await getService(server.store.db, server.account, made.id))!;
    assert.ok(await verifySecret((await stored()).auth.password!.hash, "first"));
    await put(wiki({ auth: { password_auth: { enabled: true, password: "second" } } }));
    assert.ok(await verifySecret((await stored()).auth.password!.hash, "second"));
    assert.deepEqual((await put(wiki())).auth, {});
    assert.equal((await put(wiki())).meta.created_at, made.meta.created_at);
  });

  test("a header keeps its stored value under another spelling of its name", async () => {
    const made = await make({ auth: { header_auths: [{ enabled: true, header: "X-Api-Key", value: "v" }] } });
    const same = { auth: { header_auths: [{ enabled: true, header: "x-api-key", value: "" }] } };
    assert.equal((await server.call("PUT", `${services}/${made.id}`, wiki(same))).status, 200);
    const other = { auth: { header_auths: [{ enabled: true, header: "X-Other", value: "" }] } };
    assert.deepEqual(refusal(await server.call("PUT", `${services}/${made.id}`, wiki(other))), {
      status: 422,
      code: "service.secret_missing",
      path: "auth.header_auths[0].value",
    });
  });

  test("groups of bearer auth are null unless [] was sent", async () => {
    const bearer = (groups?: string[]) => ({
      auth: { bearer_auth: { enabled: true, ...(groups ? { distribution_groups: groups } : {}) } },
    });
    const made = await make(bearer([]));
    assert.deepEqual(made.auth.bearer_auth, { enabled: true, distribution_groups: [] });
    const read = (await server.call("GET", `${services}/${made.id}`)).body;
    assert.deepEqual(read.auth.bearer_auth, { enabled: true, distribution_groups: null });
    const [all] = (await server.call("GET", "/groups?name=All")).body;
    const put = await server.call("PUT", `${services}/${made.id}`, wiki(bearer([all.id])));
    assert.deepEqual(put.body.auth.bearer_auth.distribution_groups, [all.id]);
  });

  test("without authentication there is a warning until somebody says that it is public", async () => {
    const made = await make();
    assert.deepEqual(
      made.warnings.map(({ code, path }) => [code, path]),
      [["service.public", "auth"]],
    );
    assert.match(made.warnings[0]!.hint, /public = true/);
    const confirmed = (await server.call("PUT", `${services}/${made.id}`, wiki({ public: true }))).body;
    assert.deepEqual([confirmed.public, confirmed.warnings], [true, []]);
    const limited = { access_restrictions: { allowed_cidrs: ["192.0.2.0/24"] } };
    assert.deepEqual((await server.call("PUT", `${services}/${made.id}`, wiki(limited))).body.warnings, []);
    const watched = { access_restrictions: { allowed_cidrs: ["192.0.2.0/24"], cidr_mode: "observe" } };
    const open = (await server.call("PUT", `${services}/${made.id}`, wiki(watched))).body;
    assert.deepEqual(
      open.warnings.map(({ code }: { code: string }) => code),
      ["service.public"],
    );
  });

  test("enforcing CrowdSec where a proxy has none warns that everybody is refused, as long as it is so", async () => {
    const crowdsec = (crowdsec_mode: string) =>
      wiki({ public: true, access_restrictions: { crowdsec_mode } });
    const dry = async (mode: string) =>
      (await server.call("POST", `${services}?dry_run=true`, crowdsec(mode))).body.warnings;
    const [warning, ...others] = await dry("enforce");
    assert.deepEqual(others, []);
    assert.deepEqual(
      [warning.code, warning.path],
      ["service.crowdsec_missing", "access_restrictions.crowdsec_mode"],
    );
    assert.match(warning.message, /refuses everybody/);
    assert.deepEqual(await dry("observe"), []);
    await server.store.db("proxies").update({ capabilities: JSON.stringify({ supportsCrowdsec: true }) });
    assert.deepEqual(await dry("enforce"), []);
  });

  test("a dry run says what would happen and leaves nothing behind", async () => {
    const before = await contents(server.store);
    const dry = await server.call(
      "POST",
      `${services}?dry_run=true`,
      wiki({ auth: { pin_auth: { enabled: true, pin: "1" } } }),
    );
    assert.equal(dry.status, 200, dry.text);
    assertConforms(Service, dry.body);
    assert.equal(dry.headers["netbird-dry-run"], "supported");
    assert.equal(dry.body.proxy_cluster, CLUSTER);
    assert.deepEqual(await contents(server.store), before);

    const made = await make();
    const afterCreate = await contents(server.store);
    const refused = await server.call("POST", `${services}?dry_run=true`, wiki());
    assert.deepEqual(refusal(refused), { status: 409, code: "service.domain_taken", path: "domain" });
    assert.equal(refused.headers["netbird-dry-run"], "supported");
    const changed = await server.call("PUT", `${services}/${made.id}?dry_run=true`, wiki({ name: "other" }));
    assert.equal(changed.body.name, "other");
    assert.deepEqual((await server.call("DELETE", `${services}/${made.id}?dry_run=true`)).body, {});
    assert.equal((await server.call("DELETE", `${services}/nothing?dry_run=true`)).status, 404);
    assert.deepEqual(await contents(server.store), afterCreate);
  });

  suite("is refused, with code, path and hint, and nothing written:", () => {
    const cases: [string, () => unknown, number, string, string][] = [
      [
        "unknown peer",
        () => wiki({ targets: [target({ target_id: "nobody" })] }),
        422,
        "service.target_not_found",
        "targets[0].target_id",
      ],
      [
        "unknown resource",
        () => wiki({ targets: [target(), target({ path: "/a", target_id: peer, target_type: "host" })] }),
        422,
        "service.target_not_found",
        "targets[1].target_id",
      ],
      [
        "duplicate target",
        () => wiki({ targets: [target(), target({ path: "/" })] }),
        422,
        "service.duplicate_target",
        "targets[1].target_id",
      ],
      [
        "domain without cluster",
        () => wiki({ domain: "wiki.elsewhere.test" }),
        412,
        "service.no_cluster",
        "domain",
      ],
      [
        "port out of range",
        () => wiki({ targets: [target({ port: 65_536 })] }),
        422,
        "service.port_out_of_range",
        "targets[0].port",
      ],
      ["no targets", () => wiki({ targets: [] }), 422, "service.no_targets", "targets"],
      ["absent targets", () => wiki({ targets: undefined }), 422, "service.no_targets", "targets"],
      ["empty name", () => wiki({ name: "" }), 422, "service.invalid", "name"],
      [
        "password without secret",
        () => wiki({ auth: { password_auth: { enabled: true } } }),
        422,
        "service.secret_missing",
        "auth.password_auth.password",
      ],
      ["unknown mode", () => wiki({ mode: "ftp" }), 422, "service.invalid", "mode"],
      [
        "unknown target type",
        () => wiki({ targets: [target({ target_type: "vm" })] }),
        422,
        "service.invalid",
        "targets[0].target_type",
      ],
      [
        "absent target type",
        () => wiki({ targets: [target({ target_type: undefined })] }),
        422,
        "service.invalid",
        "targets[0].target_type",
      ],
      [
        "text as a port",
        () => wiki({ targets: [target({ port: "80" })] }),
        400,
        "request.malformed",
        "targets[0].port",
      ],
      ["number as a name", () => wiki({ name: 5 }), 400, "request.malformed", "name"],
      [
        "unknown access group",
        () => wiki({ private: true, access_groups: ["g"] }),
        422,
        "service.invalid",
        "access_groups[0]",
      ],
      ["broken JSON", () => "{", 400, "request.malformed", ""],
      ["an array", () => [], 400, "request.malformed", ""],
      ["nothing", () => "", 400, "request.malformed", ""],
    ];
    for (const [what, body, status, code, path] of cases) {
      test(what, async () => {
        const before = await contents(server.store);
        const answer = await server.call("POST", services, body());
        assert.deepEqual(refusal(answer), { status, code, path });
        assert.equal(answer.body.code, status);
        assert.notEqual(answer.body.error.hint, "");
        assert.deepEqual(await contents(server.store), before);
      });
    }

    test("a domain that is taken, in any spelling, also by another account", async () => {
      await make();
      const before = await contents(server.store);
      const answer = await server.call("POST", services, wiki({ domain: `WIKI.${CLUSTER}` }));
      assert.deepEqual(refusal(answer), { status: 409, code: "service.domain_taken", path: "domain" });
      assert.deepEqual(await contents(server.store), before);
    });

    test("anything while no proxy is connected", async () => {
      server.nowMs += 10 * 60_000;
      const answer = await server.call("POST", services, wiki());
      assert.deepEqual(refusal(answer), { status: 412, code: "service.no_cluster", path: "domain" });
      assert.match(answer.body.error.hint, /proxy/);
    });

    test("an unknown id", async () => {
      for (const [method, body] of [["GET"], ["PUT", wiki()], ["DELETE"]] as const) {
        const answer = await server.call(method, `${services}/d2k0example0000000ab`, body);
        assert.deepEqual(refusal(answer), { status: 404, code: "service.not_found", path: "" }, method);
        assert.match(answer.body.message, /not found/);
      }
    });
  });

  test("the cluster's own name needs a subdomain where the proxy asks for one", async () => {
    await server.connectProxy({ capabilities: { requireSubdomain: true } });
    const answer = await server.call("POST", services, wiki({ domain: CLUSTER }));
    assert.deepEqual(refusal(answer), { status: 422, code: "service.subdomain_required", path: "domain" });
  });

  suite("layer 4", () => {
    const tcp = (change = {}) =>
      wiki({ mode: "tcp", targets: [target({ protocol: "tcp", port: 5432, enabled: false })], ...change });

    test("a port is chosen and kept until one is named", async () => {
      const made = await make(tcp());
      assert.ok(made.listen_port >= 10_000 && made.listen_port <= 49_151);
      assert.equal(made.port_auto_assigned, true);
      assert.equal(made.targets[0]!.enabled, true);
      assert.equal(made.url, `tcp://wiki.${CLUSTER}:${made.listen_port}`);
      const kept = (await server.call("PUT", `${services}/${made.id}`, tcp({ name: "db" }))).body;
      assert.deepEqual([kept.listen_port, kept.port_auto_assigned], [made.listen_port, true]);
      const named = (await server.call("PUT", `${services}/${made.id}`, tcp({ listen_port: 5432 }))).body;
      assert.deepEqual([named.listen_port, named.port_auto_assigned], [5432, false]);
    });

    test("a port belongs to one service per cluster and mode", async () => {
      await make(tcp({ listen_port: 5432 }));
      const other = { domain: `db.${CLUSTER}`, listen_port: 5432 };
      assert.deepEqual(refusal(await server.call("POST", services, tcp(other))), {
        status: 409,
        code: "service.port_taken",
        path: "listen_port",
      });
      const tls = { ...other, mode: "tls", targets: [target({ protocol: "tcp" })] };
      assert.equal((await server.call("POST", services, tcp(tls))).status, 200);
    });

    test("a named port needs a cluster that can", async () => {
      await server.connectProxy({ capabilities: {} });
      assert.deepEqual(refusal(await server.call("POST", services, tcp({ listen_port: 5432 }))), {
        status: 422,
        code: "service.custom_ports_unsupported",
        path: "listen_port",
      });
      assert.equal((await server.call("POST", services, tcp())).status, 200);
    });

    test("the mode stays", async () => {
      const made = await make(tcp());
      assert.deepEqual(refusal(await server.call("PUT", `${services}/${made.id}`, wiki())), {
        status: 422,
        code: "service.mode_immutable",
        path: "mode",
      });
    });
  });

  test("a new domain in another cluster moves the service", async () => {
    await server.connectProxy({ id: "proxy-2" as never, cluster: "us.example.net" });
    const made = await make();
    const { db } = server.store;
    const moved = (
      await server.call("PUT", `${services}/${made.id}`, wiki({ domain: "wiki.us.example.net" }))
    ).body;
    assert.equal(moved.proxy_cluster, "us.example.net");
    const entries = await readRevisionsAfter(db, made.meta.revision, 10);
    assert.deepEqual(
      entries.map(({ operation, cluster }) => [operation, cluster]),
      [
        ["removed", CLUSTER],
        ["created", "us.example.net"],
      ],
    );
    assert.equal(moved.meta.revision, entries[1]!.revision);
  });

  test("an unchanged domain keeps its cluster even while that is away", async () => {
    const made = await make();
    server.nowMs += 10 * 60_000;
    const put = await server.call("PUT", `${services}/${made.id}`, wiki({ name: "renamed" }));
    assert.deepEqual([put.status, put.body.proxy_cluster], [200, CLUSTER]);
    const away = await server.call("PUT", `${services}/${made.id}`, wiki({ domain: `new.${CLUSTER}` }));
    assert.deepEqual(refusal(away), { status: 412, code: "service.no_cluster", path: "domain" });
  });

  test("unknown keys and null are ignored", async () => {
    const answer = await server.call("POST", services, {
      ...wiki(),
      color: "red",
      auth: null,
      listen_port: null,
    });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.body.auth, {});
  });

  test("what proxies report becomes status, certificate and detail", async () => {
    const made = await make();
    assert.deepEqual(made.meta.status_reason?.code, "service.not_applied_yet");
    const { db } = server.store;
    const certificate = {
      state: "ready",
      source: "static",
      expiresAt: Date.parse("2027-01-01T00:00:00Z"),
      issuedAt: null,
      reason: "",
      message: "",
    } as const;
    const target = { position: 0, reason: "", message: "", handshakeAgeSeconds: 4, probeMs: 12 };
    const report = async (state: "reachable" | "unreachable", reason = "") =>
      saveServiceReport(db, {
        proxyId: "proxy-1" as never,
        serviceId: made.id as never,
        accountId: server.account,
        report: { ...emptyReport("report"), certificate, targets: [{ ...target, state, reason }] },
        servingRevision: made.meta.revision,
        reportedAt: server.nowMs,
      });
    await report("reachable");
    const active = (await server.call("GET", `${services}/${made.id}`)).body as Service;
    assertConforms(Service, active);
    assert.deepEqual(
      [active.meta.status, active.meta.status_reason, active.meta.live_on, active.meta.live_revision],
      ["active", undefined, ["proxy-1"], made.meta.revision],
    );
    assert.deepEqual(active.meta.certificate, { source: "static", expires_at: "2027-01-01T00:00:00.000Z" });

    await report("unreachable", "target.refused");
    const detail = (await server.call("GET", `${services}/${made.id}/status`)).body;
    assertConforms(ServiceStatusDetail, detail);
    assert.deepEqual(
      [detail.status, detail.status_reason.code, detail.live_on],
      ["error", "target.refused", []],
    );
    assert.deepEqual(
      detail.proxies[0].targets.map((one: { state: string; target_id: string }) => [
        one.state,
        one.target_id,
      ]),
      [["unreachable", peer]],
    );

    await server.call("PUT", `${services}/${made.id}`, wiki({ name: "newer" }));
    const newer = (await server.call("GET", services)).body[0] as Service;
    assert.deepEqual([newer.meta.status, newer.meta.live_revision], ["pending", made.meta.revision]);
    server.nowMs += 600_000;
    const away = (await server.call("GET", `${services}/${made.id}`)).body as Service;
    assert.deepEqual(
      [away.meta.status, away.meta.status_reason?.code],
      ["error", "service.no_proxy_connected"],
    );
  });
});
