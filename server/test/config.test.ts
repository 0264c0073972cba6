import assert from "node:assert/strict";
import { ConfigError, readConfig } from "../src/config.ts";

suite("server configuration", () => {
  test("works without any variable", () => {
    const config = readConfig({});
    assert.deepEqual([config.host, config.port, config.tls], ["127.0.0.1", 33073, undefined]);
    assert.equal(config.database, "/var/lib/netbird-server/server.db");
    assert.deepEqual(config.encryptionKey, { file: "/var/lib/netbird-server/encryption.key" });
    assert.equal(config.setupTokenEnabled, false);
  });

  test("serves the dashboard unless told otherwise", () => {
    const enabled = (text: string) => readConfig({ NB_SERVER_DASHBOARD_ENABLED: text }).dashboardEnabled;
    assert.deepEqual([enabled(""), enabled("true"), enabled("false")], [true, true, false]);
    assert.throws(() => enabled("no"), /NB_SERVER_DASHBOARD_ENABLED: "no" is neither true nor false/);
  });

  test("takes addresses of every kind", () => {
    const address = (text: string) => {
      const { host, port } = readConfig({ NB_SERVER_ADDRESS: text });
      return [host, port];
    };
    assert.deepEqual(address("0.0.0.0:443"), ["0.0.0.0", 443]);
    assert.deepEqual(address("[::]:443"), ["::", 443]);
    assert.deepEqual(address(":8080"), ["0.0.0.0", 8080]);
    assert.deepEqual(address("localhost:0"), ["localhost", 0]);
  });

  test("origins for web pages are exact, and * is none", () => {
    const origins = (text: string) => readConfig({ NB_SERVER_CORS_ORIGINS: text }).corsOrigins;
    assert.deepEqual(origins(""), []);
    assert.deepEqual(origins("https://a.example, http://localhost:5173"), [
      "https://a.example",
      "http://localhost:5173",
    ]);
    for (const bad of ["*", "a.example", "https://a.example/", "https://a.example/path", "null"]) {
      assert.throws(() => origins(bad), /NB_SERVER_CORS_ORIGINS/, bad);
    }
  });

  test("the public address has no path", () => {
    const publicUrl = (text: string) => readConfig({ NB_SERVER_PUBLIC_URL: text }).publicUrl;
    assert.equal(publicUrl(""), undefined);
    assert.equal(publicUrl("https://netbird.example.com"), "https://netbird.example.com");
    assert.equal(publicUrl("https://netbird.example.com/"), "https://netbird.example.com");
    for (const bad of [
      "netbird.example.com",
      "ftp://a.example",
      "https://a.example/path",
      "https://u:p@a.example",
    ]) {
      assert.throws(() => publicUrl(bad), /NB_SERVER_PUBLIC_URL/, bad);
    }
  });

  test("an identity provider is configured whole or not at all", () => {
    assert.equal(readConfig({}).identityProvider, undefined);
    const env = {
      NB_SERVER_OIDC_ISSUER: "https://idp.example.com/realm",
      NB_SERVER_OIDC_CLIENT_ID: "netbird",
    };
    assert.deepEqual(readConfig(env).identityProvider, {
      issuer: "https://idp.example.com/realm",
      clientId: "netbird",
      clientSecret: undefined,
      audiences: ["netbird"],
      userIdClaim: "sub",
      scopes: "openid profile email",
    });
    const more = { ...env, NB_SERVER_OIDC_AUDIENCE: "api, netbird", NB_SERVER_OIDC_CLIENT_SECRET: "s" };
    assert.deepEqual(readConfig(more).identityProvider?.audiences, ["api", "netbird"]);
    const bad: [NodeJS.ProcessEnv, RegExp][] = [
      [{ NB_SERVER_OIDC_CLIENT_ID: "netbird" }, /NB_SERVER_OIDC_ISSUER: missing/],
      [{ NB_SERVER_OIDC_ISSUER: "https://idp.example.com" }, /NB_SERVER_OIDC_CLIENT_ID: missing/],
      [{ ...env, NB_SERVER_OIDC_ISSUER: "http://idp.example.com" }, /NB_SERVER_OIDC_ISSUER: .*no https URL/],
      [
        { ...env, NB_SERVER_OIDC_CLIENT_SECRET_FILE: "/nowhere" },
        /NB_SERVER_OIDC_CLIENT_SECRET_FILE: ENOENT/,
      ],
    ];
    for (const [wrong, message] of bad) assert.throws(() => readConfig(wrong), message);
  });

  test("trusted proxies are addresses and networks", () => {
    const trusted = (text: string) => readConfig({ NB_SERVER_TRUSTED_PROXIES: text }).trustedProxies;
    assert.deepEqual(trusted("10.0.0.1, 10.1.0.0/16,fd00::/8"), ["10.0.0.1", "10.1.0.0/16", "fd00::/8"]);
    for (const bad of ["proxy.example", "10.0.0.0/33", "10.0.0.0/", "*", "1/2/3"]) {
      assert.throws(() => trusted(bad), /NB_SERVER_TRUSTED_PROXIES/, bad);
    }
  });

  test("requests of a token are limited when that is switched on", () => {
    assert.equal(readConfig({ NB_API_RATE_LIMITING_RPM: "1" }).tokenRateLimit, undefined);
    const on = { NB_API_RATE_LIMITING_ENABLED: "true" };
    assert.deepEqual(readConfig(on).tokenRateLimit, { perMinute: 6, burst: 500 });
    assert.throws(() => readConfig({ ...on, NB_API_RATE_LIMITING_RPM: "0" }), /NB_API_RATE_LIMITING_RPM/);
  });

  test("names every bad variable, not only the first", () => {
    assert.throws(
      () =>
        readConfig({
          NB_SERVER_ADDRESS: "somewhere",
          NB_SERVER_TLS_CERT_FILE: "/tmp/tls.crt",
          NB_SERVER_ENCRYPTION_KEY: "short",
          NB_SERVER_ACCESS_LOG_RETENTION_DAYS: "a week",
          NB_SERVER_AUDIT_RETENTION_DAYS: "1.5",
          NB_LOG_LEVEL: "loud",
          NB_DNS_SERVERS: "192.0.2.1:53, resolver.example",
        }),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(
          error.problems.map((problem) => problem.split(":")[0]),
          [
            "NB_SERVER_ADDRESS",
            "NB_SERVER_ENCRYPTION_KEY",
            "NB_SERVER_TLS_KEY_FILE",
            "NB_DNS_SERVERS",
            "NB_SERVER_ACCESS_LOG_RETENTION_DAYS",
            "NB_SERVER_AUDIT_RETENTION_DAYS",
            "NB_LOG_LEVEL",
          ],
        );
        return true;
      },
    );
  });

  test("takes a file or the URL of a PostgreSQL database, and never repeats a password", () => {
    const url = "postgres://netbird:very-secret@db/netbird";
    assert.equal(readConfig({ NB_SERVER_DATABASE: url }).database, url);
    for (const database of ["mysql://u:very-secret@db/netbird", "postgres://u:very-secret@db"]) {
      assert.throws(
        () => readConfig({ NB_SERVER_DATABASE: database }),
        (error) => {
          assert.match(String(error), /NB_SERVER_DATABASE: .*postgres:\/\/user:password@host/);
          assert.doesNotMatch(String(error), /very-secret/);
          return true;
        },
      );
    }
  });

  test("audit events are on unless something else than true is said, and stay for ever unless told", () => {
    const audit = (enabled?: string, days?: string) => {
      const env = { NB_EVENT_ACTIVITY_LOG_ENABLED: enabled, NB_SERVER_AUDIT_RETENTION_DAYS: days };
      const { auditEventsEnabled, auditRetentionDays } = readConfig(env);
      return [auditEventsEnabled, auditRetentionDays];
    };
    assert.deepEqual(audit(), [true, 0]);
    assert.deepEqual(audit("", ""), [true, 0]);
    assert.deepEqual(audit("true", "365"), [true, 365]);
    assert.deepEqual(audit("false", "-1"), [false, 0]);
    assert.deepEqual(audit("True"), [false, 0]);
    assert.deepEqual(audit("1"), [false, 0]);
  });

  test("the setup token needs exactly true, and an impossible port range is the default", () => {
    assert.equal(readConfig({ NB_SETUP_PAT_ENABLED: "1" }).setupTokenEnabled, false);
    assert.equal(readConfig({ NB_SETUP_PAT_ENABLED: "true" }).setupTokenEnabled, true);
    const range = (first: string, last: string) =>
      readConfig({ NB_PROXY_PORT_MIN: first, NB_PROXY_PORT_MAX: last }).portRange;
    assert.deepEqual(range("20000", "20010"), { first: 20_000, last: 20_010 });
    assert.deepEqual(range("20010", "20000"), { first: 10_000, last: 49_151 });
    assert.deepEqual(range("x", "70000"), { first: 10_000, last: 49_151 });
  });
});
