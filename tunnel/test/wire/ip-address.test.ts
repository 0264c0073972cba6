import assert from "node:assert/strict";
import { isIPv4, isIPv6, SocketAddress } from "node:net";
import fc from "fast-check";
import { parseIpAddress, parseIpPrefix } from "../../src/wire/ip-address.ts";

suite("wire/ip-address", () => {
  test("addresses keep their canonical text", () => {
    for (const [text, canonical] of [
      ["10.0.0.1", "10.0.0.1"],
      ["255.255.255.255", "255.255.255.255"],
      ["::", "::"],
      ["::1", "::1"],
      ["FD00:0:0:0::1", "fd00::1"],
      ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
      ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
      ["::ffff:1.2.3.4", "::ffff:102:304"],
      ["1::", "1::"],
    ] as const) {
      const parsed = parseIpAddress(text);
      assert.equal(parsed.ok && parsed.value.text, canonical);
    }
  });

  test("what is not an address is refused", () => {
    for (const text of [
      "",
      "10.0.0",
      "10.0.0.256",
      "010.0.0.1",
      "10.0.0.1 ",
      "1:2",
      ":::",
      "1::2::3",
      "12345::",
      "::1%eth0",
      "1:2:3:4:5:6:7:8:9",
      "1:2:3:4:5:6:7::8:9",
      "localhost",
    ]) {
      assert.equal(parseIpAddress(text).ok, false, text);
    }
  });

  test("agrees with Node on random text and on the value of every valid address", () => {
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc
        .array(fc.constantFrom("0", "1", "f", "ffff", ":", "::", ".", "255", "1.2.3.4"), { maxLength: 12 })
        .map((parts) => parts.join("")),
    );
    fc.assert(
      fc.property(text, (candidate) => {
        const parsed = parseIpAddress(candidate);
        assert.equal(parsed.ok, isIPv4(candidate) || isIPv6(candidate));
        if (!parsed.ok) return;
        const family = parsed.value.family === 4 ? "ipv4" : "ipv6";
        const again = parseIpAddress(parsed.value.text);
        assert.deepEqual(again, parsed);
        assert.equal(
          new SocketAddress({ address: parsed.value.text, family }).address,
          new SocketAddress({ address: candidate, family }).address,
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("a prefix without a length is a host prefix", () => {
    const parsed = parseIpPrefix("fd00::2");
    assert.equal(parsed.ok && parsed.value.length, 128);
    assert.equal(parseIpPrefix("10.0.0.0/33").ok, false);
    assert.equal(parseIpPrefix("10.0.0.0/").ok, false);
    assert.equal(parseIpPrefix("10.0.0.0/8x").ok, false);
  });
});
