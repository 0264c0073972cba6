import assert from "node:assert/strict";
import fc from "fast-check";
import { type AccessRequest, compileRules, decideAccess } from "../../src/forward/decide-access.ts";

const rule = {
  destination: "100.64.0.5/32",
  protocol: "tcp",
  portFirst: 3000,
  portLast: 3010,
  sources: ["100.64.0.9/32", "fd00::9/128"],
};
const request: AccessRequest = {
  protocol: "tcp",
  source: "100.64.0.9",
  destination: "100.64.0.5",
  port: 3005,
};

function decide(rules: unknown[], changed: Partial<AccessRequest> = {}) {
  return decideAccess(compileRules(rules as (typeof rule)[]).rules, { ...request, ...changed });
}

suite("access rules", () => {
  test("without rules everything is denied", () => {
    assert.deepEqual(decide([]), { allow: false, why: "destination" });
  });

  test("a rule allows exactly what it names, first and last port included", () => {
    assert.deepEqual(decide([rule]), { allow: true });
    assert.deepEqual(decide([rule], { port: 3000 }), { allow: true });
    assert.deepEqual(decide([rule], { port: 3010 }), { allow: true });
  });

  test("each part of a request must be covered, and the answer names the nearest miss", () => {
    assert.deepEqual(decide([rule], { destination: "100.64.0.6" }), { allow: false, why: "destination" });
    assert.deepEqual(decide([rule], { protocol: "udp" }), { allow: false, why: "protocol" });
    assert.deepEqual(decide([rule], { port: 2999 }), { allow: false, why: "port" });
    assert.deepEqual(decide([rule], { port: 3011 }), { allow: false, why: "port" });
    assert.deepEqual(decide([rule], { source: "100.64.0.10" }), { allow: false, why: "source" });
    assert.deepEqual(decide([rule, { ...rule, destination: "10.0.0.0/8" }], { port: 1 }), {
      allow: false,
      why: "port",
    });
  });

  test("parts of different rules do not add up to one permission", () => {
    const rules = [
      { ...rule, sources: ["100.64.0.10/32"] },
      { ...rule, portFirst: 80, portLast: 80 },
    ];
    assert.deepEqual(decide(rules, { port: 3005 }), { allow: false, why: "source" });
  });

  test("a prefix covers the addresses under it, whatever its host bits", () => {
    const subnet = { ...rule, destination: "192.168.7.9/24" };
    assert.equal(decide([subnet], { destination: "192.168.7.200" }).allow, true);
    assert.equal(decide([subnet], { destination: "192.168.8.1" }).allow, false);
    const v6 = { ...rule, destination: "fd00:1::/64", sources: ["fd00::/16"] };
    assert.equal(decide([v6], { destination: "fd00:1::abcd", source: "fd00::9" }).allow, true);
    assert.equal(decide([v6], { destination: "fd00:2::1", source: "fd00::9" }).allow, false);
  });

  test("an IPv4 rule says nothing about the same address in IPv6 clothes", () => {
    assert.equal(decide([rule], { destination: "::ffff:100.64.0.5" }).allow, false);
  });

  test("a rule without sources allows nobody", () => {
    assert.deepEqual(decide([{ ...rule, sources: [] }]), { allow: false, why: "source" });
  });

  test("what cannot be read allows nothing and is named", () => {
    for (const broken of [
      { ...rule, destination: "" },
      { ...rule, destination: "100.64.0.5/33" },
      { ...rule, destination: "fe80::1%eth0/128" },
      { ...rule, protocol: "icmp" },
      { ...rule, portFirst: 0 },
      { ...rule, portLast: 70_000 },
      { ...rule, portFirst: 3010, portLast: 3000 },
    ]) {
      const compiled = compileRules([broken]);
      assert.deepEqual(compiled.rules, [], JSON.stringify(broken));
      assert.deepEqual(compiled.unreadable, [broken]);
    }
    const oneBadSource = compileRules([{ ...rule, sources: ["nobody", "100.64.0.9/32"] }]);
    assert.equal(oneBadSource.unreadable.length, 1);
    assert.equal(decideAccess(oneBadSource.rules, request).allow, true);
    assert.equal(decideAccess(oneBadSource.rules, { ...request, source: "100.64.0.10" }).allow, false);
  });

  test("for IPv4 prefixes the decision is that of the bits", () => {
    const word = fc.nat(0xffffffff);
    const dotted = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
    fc.assert(
      fc.property(word, word, fc.integer({ min: 0, max: 32 }), (network, address, length) => {
        const mask = length === 0 ? 0 : -1 << (32 - length);
        const inside = (network & mask) === (address & mask);
        const wide = { ...rule, destination: `${dotted(network)}/${length}` };
        assert.equal(decide([wide], { destination: dotted(address) }).allow, inside);
      }),
    );
  });
});
