import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, parseDurationMs, parseListenAddress, readConfig, variables } from "../src/config.ts";

const minimal = { NB_PROXY_TOKEN: "nbx_x", NB_PROXY_DOMAIN: "Proxy.Example.com" };

function problems(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

suite("configuration", () => {
  test("token and domain are enough", () => {
    const config = readConfig(minimal);
    assert.equal(config.domain, "proxy.example.com");
    assert.deepEqual(config.management, { host: "api.netbird.io", port: 443, tls: true });
    assert.deepEqual(config.listen, { host: undefined, port: 443 });
    assert.equal(config.publicPort, 443);
    assert.deepEqual(config.health, { host: "localhost", port: 8080 });
    assert.deepEqual(config.wireguard, { port: 51820, endpoint: "proxy.example.com:51820" });
    assert.equal(config.trustedProxies, undefined);
  });

  test("every bad variable is named at once, with what to do", () => {
    const found = problems({
      NB_PROXY_DOMAIN: "not a domain",
      NB_PROXY_MANAGEMENT_ADDRESS: "ftp://x",
      NB_PROXY_ADDRESS: "8443",
      NB_PROXY_TRUSTED_PROXIES: "10.0.0.0/8, nonsense",
      NB_PROXY_PROXY_PROTOCOL: "maybe",
      NB_PROXY_MAX_DIAL_TIMEOUT: "5 seconds",
      NB_PROXY_FORWARDED_PROTO: "gopher",
      NB_PROXY_WG_PORT: "70000",
      NB_PROXY_WG_ENDPOINT: "only-a-host",
      NB_PROXY_ACME_EAB_KID: "only-half",
    });
    for (const name of [
      "NB_PROXY_TOKEN",
      "NB_PROXY_DOMAIN",
      "NB_PROXY_MANAGEMENT_ADDRESS",
      "NB_PROXY_ADDRESS",
      "NB_PROXY_TRUSTED_PROXIES",
      "NB_PROXY_PROXY_PROTOCOL",
      "NB_PROXY_MAX_DIAL_TIMEOUT",
      "NB_PROXY_FORWARDED_PROTO",
      "NB_PROXY_WG_PORT",
      "NB_PROXY_WG_ENDPOINT",
      "NB_PROXY_ACME_EAB_HMAC_KEY",
    ]) {
      const problem = found.find((line) => line.startsWith(name));
      assert.ok(problem !== undefined, `${name} is not named in:\n${found.join("\n")}`);
      assert.match(problem, /: ./, "says what to do");
    }
    assert.equal(found.length, 11);
  });

  test("a token does not go over plain HTTP unless that is allowed", () => {
    const env = { ...minimal, NB_PROXY_MANAGEMENT_ADDRESS: "http://10.0.0.1:33073" };
    assert.match(problems(env)[0]!, /NB_PROXY_ALLOW_INSECURE/);
    const config = readConfig({ ...env, NB_PROXY_ALLOW_INSECURE: "1" });
    assert.deepEqual(config.management, { host: "10.0.0.1", port: 33073, tls: false });
  });

  test("a missing management port is 443 for either scheme, and a given one is kept", () => {
    const port = (address: string) =>
      readConfig({ ...minimal, NB_PROXY_MANAGEMENT_ADDRESS: address, NB_PROXY_ALLOW_INSECURE: "true" })
        .management.port;
    assert.equal(port("http://mgmt"), 443);
    assert.equal(port("http://mgmt:80"), 80);
    assert.equal(port("https://mgmt/path"), 443);
    assert.equal(port("https://mgmt:444/path"), 444);
  });

  test("an empty health address turns the listener off", () => {
    assert.equal(readConfig({ ...minimal, NB_PROXY_HEALTH_ADDRESS: "" }).health, undefined);
  });

  test("durations are Go's", () => {
    assert.equal(parseDurationMs("30s"), 30_000);
    assert.equal(parseDurationMs("1m30s"), 90_000);
    assert.equal(parseDurationMs("1.5h"), 5_400_000);
    assert.equal(parseDurationMs("250ms"), 250);
    assert.equal(parseDurationMs("0"), 0);
    for (const bad of ["", "5", "5x", "-1s", "1s 2s", "1000000h"])
      assert.equal(parseDurationMs(bad), undefined, bad);
  });

  test("listen addresses", () => {
    assert.deepEqual(parseListenAddress(":8443"), { host: undefined, port: 8443 });
    assert.deepEqual(parseListenAddress("127.0.0.1:80"), { host: "127.0.0.1", port: 80 });
    assert.deepEqual(parseListenAddress("[::1]:80"), { host: "::1", port: 80 });
    for (const bad of ["80", "::1:80", "[::zz]:1", "a:b", "a:65536"])
      assert.equal(parseListenAddress(bad), undefined, bad);
  });

  test("docs/configuration-proxy.md lists exactly the variables that are read, with their defaults", () => {
    const root = join(fileURLToPath(new URL(".", import.meta.url)), "..", "..");
    const doc = readFileSync(join(root, "docs", "configuration-proxy.md"), "utf8");
    const rows = [...doc.matchAll(/^\| `(NB_PROXY_[A-Z_]+)` \| (.*?) \| (.*) \|$/gm)].map(
      ([, name, fallback, meaning]) => ({
        name,
        fallback,
        meaning,
      }),
    );
    const expected = Object.entries(variables).map(([name, variable]) => ({
      name,
      fallback: variable.default,
      meaning: variable.meaning,
    }));
    assert.deepEqual(rows, expected);
  });
});
