import assert from "node:assert/strict";
import { Domain, ProxyCluster, ProxyToken, ProxyTokenCreated } from "@netbird-proxy/proto/rest";
import { textValue } from "../../src/domain/domain-proof.ts";
import { hashToken, isWellFormedToken } from "../../src/domain/token.ts";
import { recheckDomains } from "../../src/jobs/recheck-domains.ts";
import { listAuditEvents } from "../../src/store/audit-events.ts";
import { findProxyToken } from "../../src/store/proxy-tokens.ts";
import {
  assertConforms,
  CLUSTER,
  contents,
  type RestServer,
  refusal,
  startRestServer,
} from "../support/rest-server.ts";

const domains = "/reverse-proxies/domains";

suite("domains over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
    await server.connectProxy();
  });
  teardown(() => server.close());

  const add = (domain: string, target_cluster = CLUSTER) =>
    server.call("POST", domains, { domain, target_cluster });
  const find = async (name: string) =>
    (await server.call("GET", domains)).body.find((one: { domain: string }) => one.domain === name);

  test("every connected cluster offers its own name", async () => {
    assert.deepEqual((await server.call("GET", domains)).body, [
      {
        id: "",
        domain: CLUSTER,
        type: "free",
        validated: true,
        supports_custom_ports: true,
        require_subdomain: false,
      },
    ]);
    server.nowMs += 600_000;
    assert.deepEqual((await server.call("GET", domains)).body, []);
  });

  test("a custom domain is validated by the CNAME of its validation name", async () => {
    server.addresses.set(CLUSTER, ["192.0.2.10", "2001:db8::10"]);
    server.records.set("validation.apps.test", `${CLUSTER}.`);
    const made = (await add("apps.test")).body;
    assertConforms(Domain, made);
    assert.deepEqual(made, {
      id: made.id,
      domain: "apps.test",
      type: "custom",
      validated: true,
      target_cluster: CLUSTER,
      validation: {
        record: "validation.apps.test",
        records: [
          { type: "CNAME", name: "validation.apps.test", value: CLUSTER, purpose: "ownership" },
          {
            type: "TXT",
            name: "_netbird-validation.apps.test",
            value: textValue(server.account, "apps.test"),
            purpose: "ownership",
          },
          { type: "CNAME", name: "apps.test", value: CLUSTER, purpose: "routing" },
          { type: "CNAME", name: "*.apps.test", value: CLUSTER, purpose: "routing" },
          { type: "A", name: "apps.test", value: "192.0.2.10", purpose: "routing" },
          { type: "AAAA", name: "apps.test", value: "2001:db8::10", purpose: "routing" },
        ],
        method: "cname",
        last_checked_at: "2026-08-22T19:07:31.120Z",
      },
    });
    const service = await server.call("POST", "/reverse-proxies/services", {
      name: "s",
      domain: "shop.apps.test",
      targets: [
        {
          target_id: "x.test",
          target_type: "cluster",
          host: "localhost",
          protocol: "http",
          port: 1,
          options: { direct_upstream: true },
        },
      ],
      public: true,
    });
    assert.equal(service.status, 200, service.text);
    assert.deepEqual([service.body.proxy_cluster, service.body.warnings], [CLUSTER, []]);
    const gone = await server.call("DELETE", `${domains}/${made.id}`);
    assert.deepEqual([gone.status, gone.text], [204, ""]);
  });

  test("a longer chain, another case, or the domain itself do as well", async () => {
    server.records.set("validation.a.test", "alias.test");
    server.records.set("alias.test", "EU.example.NET.");
    assert.equal((await add("a.test")).body.validated, true);
    server.records.set("b.test", CLUSTER);
    assert.equal((await add("b.test")).body.validated, true);
    server.records.set("validation.loop.test", "validation.loop.test");
    assert.equal((await add("loop.test")).body.validated, false);
  });

  test("a name at the top of a zone is validated by the cluster's addresses, or by a TXT record of the account", async () => {
    server.addresses.set(CLUSTER, ["192.0.2.10", "2001:db8::10"]);
    server.addresses.set("top.test", ["192.0.2.10"]);
    const top = (await add("top.test")).body;
    assert.deepEqual([top.validated, top.validation.method], [true, "address"]);
    server.texts.set("_netbird-validation.txt.test", ["v=spf1 -all", textValue(server.account, "txt.test")]);
    const txt = (await add("TXT.test")).body;
    assert.deepEqual([txt.validated, txt.validation.method], [true, "txt"]);
    server.texts.set("_netbird-validation.other.test", [textValue("somebody" as never, "other.test")]);
    server.addresses.set("other.test", ["192.0.2.10", "198.51.100.1"]);
    const other = (await add("other.test")).body;
    assert.equal(other.validated, false);
    assert.match(other.validation.error, /a TXT record with "netbird-domain-verification=/);
    assert.match(other.validation.error, /leads to 198\.51\.100\.1, the cluster has 192\.0\.2\.10/);
  });

  test("a name above or under a proven domain of another account is refused", async () => {
    server.records.set("validation.apps.test", CLUSTER);
    const { id } = (await add("apps.test")).body;
    await add("waits.test");
    await server.store.db("accounts").insert({ ...(await server.store.db("accounts").first()), id: "other" });
    await server.store.db("domains").update({ account_id: "other" });
    for (const [domain, where] of [
      ["eu.shop.APPS.test", "under"],
      ["test", "above"],
    ] as const) {
      const { status, body } = await add(domain);
      assert.deepEqual([status, body.error.code, body.error.path], [409, "domain.taken", "domain"], body);
      assert.match(body.message, new RegExp(`lies ${where} a domain of another account`));
    }
    assert.equal((await add("eu.waits.test")).status, 200, "nobody has proven that one");
    assert.equal((await add("notapps.test")).status, 200);
    await server.store.db("domains").where({ id }).delete();
    assert.equal((await add("shop.apps.test")).status, 200);
  });

  test("without the record it is made, says what is missing, and is found valid later", async () => {
    const made = (await add("apps.test")).body;
    assert.equal(made.validated, false);
    assert.match(made.validation.error, /validation\.apps\.test must be a CNAME to eu\.example\.net/);
    const service = (
      await server.call("POST", "/reverse-proxies/services", {
        name: "s",
        domain: "shop.apps.test",
        targets: [
          {
            target_id: "x",
            target_type: "cluster",
            host: "h",
            protocol: "http",
            port: 1,
            options: { direct_upstream: true },
          },
        ],
        public: true,
      })
    ).body;
    assert.deepEqual(
      service.warnings.map(({ code }: { code: string }) => code),
      ["domain.not_validated"],
    );
    server.records.set("validation.apps.test", CLUSTER);
    const started = await server.call("GET", `${domains}/${made.id}/validate`);
    assert.deepEqual([started.status, started.text], [202, ""]);
    for (let n = 0; n < 50 && !(await find("apps.test")).validated; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal((await find("apps.test")).validated, true);
    const codes = (await listAuditEvents(server.store.db, server.account, 10)).map(
      (event) => event.activityCode,
    );
    assert.ok(codes.includes("domain.validate"));
  });

  test("the background job looks every minute, takes a lost record back, and lets a DNS outage pass", async () => {
    const made = (await add("apps.test")).body;
    server.records.set("validation.apps.test", CLUSTER);
    await recheckDomains(server.context, server.dns);
    assert.equal((await find("apps.test")).validated, false, "checked a moment ago");
    server.nowMs += 61_000;
    await recheckDomains(server.context, server.dns);
    await server.connectProxy();
    assert.equal((await find("apps.test")).validated, true);
    server.nowMs += 3_600_000;
    server.records.set("validation.apps.test", new Error("SERVFAIL"));
    await recheckDomains(server.context, server.dns);
    assert.equal((await find("apps.test")).validated, true);
    assert.match((await find("apps.test")).validation.error, /SERVFAIL/);
    server.nowMs += 3_600_000;
    server.records.delete("validation.apps.test");
    await recheckDomains(server.context, server.dns);
    assert.equal((await find("apps.test")).validated, false);
    assert.equal((await find("apps.test")).id, made.id);
  });

  test("bad requests are refused and leave nothing", async () => {
    await add("apps.test");
    const before = await contents(server.store);
    const cases: [string, string, unknown, number, string, string][] = [
      ["POST", domains, { domain: "no domain", target_cluster: CLUSTER }, 422, "domain.invalid", "domain"],
      ["POST", domains, { domain: "", target_cluster: CLUSTER }, 422, "domain.invalid", "domain"],
      ["POST", domains, { domain: `x.${CLUSTER}`, target_cluster: CLUSTER }, 422, "domain.invalid", "domain"],
      ["POST", domains, { domain: "APPS.test", target_cluster: CLUSTER }, 409, "domain.taken", "domain"],
      [
        "POST",
        domains,
        { domain: "b.test", target_cluster: "us.example.net" },
        412,
        "domain.cluster_unavailable",
        "target_cluster",
      ],
      ["DELETE", `${domains}/nothing`, undefined, 404, "domain.not_found", ""],
      ["GET", `${domains}/nothing/validate`, undefined, 404, "domain.not_found", ""],
      [
        "POST",
        `${domains}?dry_run=maybe`,
        { domain: "b.test", target_cluster: CLUSTER },
        422,
        "domain.invalid",
        "dry_run",
      ],
    ];
    for (const [method, path, body, status, code, at] of cases) {
      const answer = await server.call(method, path, body);
      assert.deepEqual(refusal(answer), { status, code, path: at }, JSON.stringify(body));
      assert.notEqual(answer.body.error.hint, "");
    }
    const dry = await server.call("POST", `${domains}?dry_run=true`, {
      domain: "b.test",
      target_cluster: CLUSTER,
    });
    assert.equal(dry.status, 200);
    assert.deepEqual(await contents(server.store), before);
  });
});

suite("clusters and proxy tokens over REST", () => {
  let server: RestServer;
  setup(async () => {
    server = await startRestServer();
    await server.setUp();
  });
  teardown(() => server.close());

  test("clusters are listed online or not; only the account's own can be forgotten", async () => {
    assert.equal((await server.call("GET", "/reverse-proxies/clusters")).text, "[]\n");
    await server.connectProxy();
    await server.connectProxy({
      id: "own" as never,
      accountId: server.account,
      cluster: "own.example.org",
      connected: false,
    });
    const clusters = (await server.call("GET", "/reverse-proxies/clusters")).body;
    for (const cluster of clusters) assertConforms(ProxyCluster, cluster);
    assert.deepEqual(clusters, [
      { id: "own", address: "own.example.org", type: "account", online: false, connected_proxies: 0 },
      {
        id: "proxy-1",
        address: CLUSTER,
        type: "shared",
        online: true,
        connected_proxies: 1,
        supports_custom_ports: true,
        require_subdomain: false,
      },
    ]);
    assert.deepEqual((await server.call("DELETE", "/reverse-proxies/clusters/own.example.org")).body, {});
    assert.deepEqual(refusal(await server.call("DELETE", `/reverse-proxies/clusters/${CLUSTER}`)), {
      status: 404,
      code: "cluster.not_found",
      path: "",
    });
  });

  test("a proxy token is shown once, listed, and stays visible after it is revoked", async () => {
    const tokens = "/reverse-proxies/proxy-tokens";
    const made = (await server.call("POST", tokens, { name: "edge", expires_in: 3600 })).body;
    assertConforms(ProxyTokenCreated, made);
    assert.ok(isWellFormedToken(made.plain_token, "nbx_"));
    const stored = await findProxyToken(server.store.db, hashToken(made.plain_token));
    assert.equal(stored?.accountId, server.account);
    const { plain_token: _, ...shown } = made;
    assert.deepEqual((await server.call("GET", tokens)).body, [shown]);
    assertConforms(ProxyToken, shown);
    for (let n = 0; n < 2; n += 1)
      assert.deepEqual((await server.call("DELETE", `${tokens}/${made.id}`)).body, {});
    assert.equal((await server.call("GET", tokens)).body[0].revoked, true);
    assert.equal((await server.call("DELETE", `${tokens}/nothing`)).status, 404);
    const before = await contents(server.store);
    for (const [body, path] of [
      [{ name: "" }, "name"],
      [{ name: "x".repeat(256) }, "name"],
      [{ name: "x", expires_in: -1 }, "expires_in"],
    ] as const) {
      assert.deepEqual(refusal(await server.call("POST", tokens, body)), {
        status: 400,
        code: "proxy_token.invalid",
        path,
      });
    }
    assert.deepEqual(await contents(server.store), before);
  });
});
