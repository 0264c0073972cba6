import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { management } from "@netbird-proxy/proto/grpc";
import { type Backend, startBackend } from "../support/backend.ts";
import { get } from "../support/client.ts";
import { until } from "../support/management-server.ts";
import { httpService } from "../support/mappings.ts";
import { startTestProxy, type TestProxy } from "../support/proxy.ts";

/** Holds IPv6 only: an IPv4 address has no country in it. */
const onlyIpv6 = createRequire(import.meta.resolve("@netbird-proxy/geo")).resolve(
  "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country-ipv6.mmdb",
);

/** RIPE NCC's own network, in the Netherlands. */
const AMSTERDAM = "193.0.6.139";

suite("countries", () => {
  let folder: string;
  let proxy: TestProxy;
  let backend: Backend;
  const start = async (env: Record<string, string>) => {
    proxy = await startTestProxy({ NB_PROXY_TRUSTED_PROXIES: "127.0.0.1", ...env });
    const rules = (accessRestrictions: Partial<management.AccessRestrictions>) => ({
      accessRestrictions: management.AccessRestrictions.fromPartial(accessRestrictions as never),
    });
    await proxy.management.apply(
      httpService("nl", "nl.example.test", backend.url, rules({ allowedCountries: ["NL"] })),
      httpService("notnl", "notnl.example.test", backend.url, rules({ blockedCountries: ["NL"] })),
    );
  };
  setup(async () => {
    folder = mkdtempSync(join(tmpdir(), "geo-"));
    backend = await startBackend();
  });
  teardown(async () => {
    await proxy.close();
    backend.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const from = async (name: string, address: string) => {
    const headers = { "x-forwarded-for": address };
    return (await get({ port: proxy.port, ca: proxy.ca, host: `${name}.example.test`, headers })).status;
  };
  const metric = async (name: string) =>
    (await proxy.app.metrics.registry.metrics()).split("\n").filter((line) => line.startsWith(name));

  test("weakness 25: are told apart with the embedded database; refusals are counted and logged", async () => {
    await start({ NB_PROXY_GEO_DATA_DIR: join(folder, "not there") });
    assert.equal(await from("nl", AMSTERDAM), 200);
    assert.equal(await from("nl", "2001:67c:2e8:22::c100:68b"), 200);
    assert.equal(await from("nl", "8.8.8.8"), 403);
    assert.equal(await from("nl", "10.0.0.1"), 403);
    assert.equal(await from("notnl", AMSTERDAM), 403);
    assert.equal(await from("notnl", "8.8.8.8"), 200);
    assert.equal(await from("notnl", "100.64.0.9"), 200);
    assert.deepEqual(await metric("proxy_restrictions_total{"), [
      'proxy_restrictions_total{restriction="country",verdict="country_restricted",mode="enforce"} 3',
    ]);
    await until(() => proxy.management.accessLogs.length === 7);
    const refused = proxy.management.accessLogs.filter(({ responseCode }) => responseCode === 403);
    assert.deepEqual(
      refused.map(({ authMechanism, authSuccess }) => [authMechanism, authSuccess]),
      Array(3).fill(["country_restricted", false]),
    );
  });

  test("a broken file in the folder is reported, and the start goes on without it", async () => {
    mkdirSync(join(folder, "geo"));
    copyFileSync(onlyIpv6, join(folder, "geo/GeoLite2-City_20260101.mmdb"));
    writeFileSync(join(folder, "geo/GeoLite2-City_20260201.mmdb"), "half a download");
    await start({ NB_PROXY_GEO_DATA_DIR: join(folder, "geo") });
    const line = proxy.logged("a country database cannot be used; the one before it stays");
    assert.match(String(line?.file), /GeoLite2-City_20260201\.mmdb$/);
    assert.deepEqual(await metric("proxy_country_database_reloads_total"), [
      'proxy_country_database_reloads_total{result="error"} 1',
    ]);
    assert.equal(await from("nl", AMSTERDAM), 403);
    assert.equal(await from("nl", "2001:67c:2e8:22::c100:68b"), 200);
  });

  test("turned off, country rules refuse everybody", async () => {
    await start({ NB_PROXY_DISABLE_GEOLOCATION: "true" });
    assert.equal(await from("nl", AMSTERDAM), 403);
    assert.equal(await from("notnl", "8.8.8.8"), 403);
    await until(() => proxy.management.accessLogs.length === 2);
    for (const { authMechanism } of proxy.management.accessLogs)
      assert.equal(authMechanism, "geo_unavailable");
  });
});
