import assert from "node:assert/strict";
import { dnsLabel } from "../../src/domain/dns-label.ts";

suite("DNS labels of peers", () => {
  test("come from the first part of the name", () => {
    assert.equal(dnsLabel("Web_1.lan", "100.64.3.9", new Set()), "web-1");
    assert.equal(dnsLabel("--", "100.64.3.9", new Set()), "peer");
    assert.equal(dnsLabel("x".repeat(80), "100.64.3.9", new Set()), "x".repeat(63));
  });

  test("get the address, then a number, when they are taken", () => {
    assert.equal(dnsLabel("web", "100.64.3.9", new Set(["web"])), "web-3-9");
    assert.equal(dnsLabel("web", "100.64.3.9", new Set(["web", "web-3-9"])), "web-3-9-1");
    assert.equal(dnsLabel("x".repeat(63), "100.64.3.9", new Set(["x".repeat(63)])).length, 63);
  });
});
