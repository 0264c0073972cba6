import assert from "node:assert/strict";
import {
  contains,
  formatAddress,
  hasHostBits,
  isSingleAddress,
  parseAddress,
  parseNetwork,
} from "../../src/domain/ip-network.ts";

suite("IP networks", () => {
  test("addresses come back in canonical form", () => {
    for (const [text, canonical] of [
      ["100.64.0.1", "100.64.0.1"],
      ["fd00:0:0:1::1", "fd00:0:0:1::1"],
      ["FD00:0000:0000:0000:0000:0000:0000:0001", "fd00::1"],
      ["::", "::"],
      ["::1", "::1"],
      ["2001:db8::1:0:0:1", "2001:db8::1:0:0:1"],
      ["::ffff:192.0.2.1", "::ffff:c000:201"],
      ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
    ] as const) {
      const parsed = parseAddress(text)!;
      assert.equal(formatAddress(parsed.family, parsed.value), canonical);
    }
  });

  test("a network needs a prefix length that fits its family", () => {
    for (const text of [
      "10.0.0.0",
      "10.0.0.0/33",
      "::/129",
      "10.0.0.0/08",
      "10.0.0/8",
      "a/8",
      "fe80::1%eth0/64",
    ]) {
      assert.equal(parseNetwork(text), undefined, text);
    }
    assert.ok(hasHostBits(parseNetwork("10.0.0.1/24")!));
    assert.ok(!hasHostBits(parseNetwork("10.0.0.0/24")!));
    assert.ok(!hasHostBits(parseNetwork("0.0.0.0/0")!));
  });

  test("an IPv6 prefix of length 32 is a network, not a host", () => {
    assert.ok(!isSingleAddress(parseNetwork("2001:db8::/32")!));
    assert.ok(isSingleAddress(parseNetwork("10.0.0.1/32")!));
  });

  test("an address is inside its network and family only", () => {
    const network = parseNetwork("10.1.0.0/16")!;
    assert.ok(contains(network, parseAddress("10.1.255.255")!));
    assert.ok(!contains(network, parseAddress("10.2.0.0")!));
    assert.ok(!contains(network, parseAddress("::a01:1")!));
  });
});
