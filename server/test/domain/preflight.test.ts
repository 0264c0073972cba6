import assert from "node:assert/strict";
import { errorCodes, reasonCodes } from "@netbird-proxy/proto";
import { type PreflightInput, preflightChecks } from "../../src/domain/preflight.ts";

const NOW = Date.parse("2026-11-26T12:00:00Z");

const good: PreflightInput = {
  domain: "shop.example.com",
  cluster: { address: "eu.example.net", connected: 2 },
  names: { domain: ["192.0.2.1"], cluster: ["192.0.2.1", "192.0.2.2"] },
  certificate: undefined,
  acme: {
    directoryUrl: "https://ca.example/dir",
    challenge: "tls-alpn-01",
    caaIdentities: ["ca.example"],
    ordersInFlight: 1,
    ordersWaiting: 4,
    maxOrders: 5,
    pausedUntil: null,
    pausedReason: "",
    pausedMessage: "",
  },
  orderName: "shop.example.com",
  credentials: undefined,
  caa: { found: undefined },
  answers: new Map([["192.0.2.1", undefined]]),
  nowMs: NOW,
};

suite("the checks before an order", () => {
  const check = (change: Partial<PreflightInput>) => {
    const checks = preflightChecks({ ...good, ...change });
    for (const { ok, code, hint } of checks) {
      assert.equal(hint === "", ok);
      assert.ok(ok ? code === "ok" : code in reasonCodes || code in errorCodes, code);
    }
    return checks;
  };
  const failed = (change: Partial<PreflightInput>) =>
    check(change)
      .filter(({ ok }) => !ok)
      .map(({ name, code, message }) => [name, code, message]);
  const acme = (change: Partial<NonNullable<PreflightInput["acme"]>>) => ({
    acme: { ...good.acme!, ...change },
  });

  test("a name that is ready passes them all, in order", () => {
    assert.deepEqual(
      check({}).map(({ name, ok }) => [name, ok]),
      [
        ["domain", true],
        ["cluster", true],
        ["dns", true],
        ["certificate", true],
        ["caa", true],
        ["challenge", true],
        ["authority", true],
      ],
    );
  });

  test("a name that may not be used is looked at no further, nor one whose cluster is away", () => {
    const refused = { code: "service.domain_taken", message: "m", hint: "h" };
    assert.deepEqual(check({ refused }), [{ name: "domain", ok: false, ...refused }]);
    const away = check({ cluster: { address: "eu.example.net", connected: 0 } });
    assert.deepEqual(
      away.map(({ name, code }) => [name, code]),
      [
        ["domain", "ok"],
        ["cluster", "service.no_proxy_connected"],
      ],
    );
  });

  test("DNS that is silent, empty, or leads some visitors elsewhere", () => {
    assert.equal(failed({ names: { failed: "SERVFAIL" } })[0]![1], "dns.lookup_failed");
    assert.equal(failed({ names: { domain: [], cluster: [] } })[0]![1], "dns.unresolved");
    assert.deepEqual(
      failed({ names: { domain: ["192.0.2.1", "198.51.100.9"], cluster: ["192.0.2.1"] } })[0],
      ["dns", "dns.elsewhere", "shop.example.com leads to 198.51.100.9; eu.example.net has 192.0.2.1"],
    );
  });

  test("with a certificate there is nothing to order; one that has expired is no good", () => {
    const names = check({ certificate: { source: "uploaded, own", notAfter: NOW + 1 } }).map(
      ({ name }) => name,
    );
    assert.deepEqual(names, ["domain", "cluster", "dns", "certificate"]);
    assert.equal(
      failed({ certificate: { source: "uploaded, own", notAfter: NOW } })[0]![1],
      "certificate.expired",
    );
    assert.equal(failed({ acme: undefined })[0]![1], "certificate.missing");
  });

  test("CAA records that forbid, and an authority that does not say its name", () => {
    const caa = { found: { at: "example.com", records: [{ critical: 0, issue: "other.example" }] } };
    assert.deepEqual(failed({ caa })[0], [
      "caa",
      "certificate.caa_forbids",
      "the CAA record of example.com forbids it: it names other.example only, and ca.example is wanted",
    ]);
    assert.deepEqual(failed({ caa, ...acme({ caaIdentities: [] }) }), []);
    assert.equal(failed({ caa: { failed: "SERVFAIL" } })[0]![1], "dns.lookup_failed");
  });

  test("a challenge that nobody answers names the address; without a way to the cluster none is tried", () => {
    const answers = new Map([
      ["192.0.2.1", undefined],
      ["192.0.2.2", "port 443: refused"],
    ]);
    assert.deepEqual(failed({ answers })[0], [
      "challenge",
      "certificate.unreachable",
      "tls-alpn-01 was not answered: 192.0.2.2: port 443: refused",
    ]);
    assert.match(failed({ answers: undefined })[0]![2]!, /not tried/);
  });

  test("dns-01 needs credentials that work", () => {
    assert.deepEqual(
      failed({ answers: undefined, credentials: { domain: "example.com", lastError: "" } }),
      [],
    );
    assert.equal(
      failed({ credentials: { domain: "example.com", lastError: "BADSIG" } })[0]![1],
      "certificate.dns_refused",
    );
    assert.equal(failed(acme({ challenge: "dns-01" }))[0]![1], "certificate.dns_credentials_missing");
  });

  test("an authority that wants no order now says until when and why", () => {
    const paused = acme({
      pausedUntil: NOW + 60_000,
      pausedReason: "certificate.rate_limited",
      pausedMessage: "too many",
    });
    assert.deepEqual(failed(paused)[0], [
      "authority",
      "certificate.rate_limited",
      "no order before 2026-11-26T12:01:00.000Z: too many",
    ]);
    assert.deepEqual(failed(acme({ pausedUntil: NOW })), []);
  });
});
