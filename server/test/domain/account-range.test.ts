import assert from "node:assert/strict";
import { checkAccountRange } from "../../src/domain/account-range.ts";

suite("the range of an account's addresses", () => {
  test("is taken without host bits", () => {
    const cases: [string, 4 | 6, string][] = [
      ["100.71.3.9/16", 4, "100.71.0.0/16"],
      ["10.0.0.0/8", 4, "10.0.0.0/8"],
      ["192.168.1.16/28", 4, "192.168.1.16/28"],
      ["fd12:3456::1/64", 6, "fd12:3456::/64"],
      ["2001:db8::/48", 6, "2001:db8::/48"],
      ["fd00::/120", 6, "fd00::/120"],
    ];
    for (const [text, family, range] of cases) {
      assert.deepEqual(checkAccountRange(text, family, 0), { ok: true, range }, text);
    }
  });

  test("is refused when no peer could use it", () => {
    const cases: [string, 4 | 6, RegExp][] = [
      ["", 4, /no IPv4 CIDR/],
      ["10.0.0.1", 4, /no IPv4 CIDR/],
      ["10.0.0.0/33", 4, /no IPv4 CIDR/],
      ["fd00::/64", 4, /no IPv4 CIDR/],
      ["10.0.0.0/16", 6, /no IPv6 CIDR/],
      ["10.0.0.0/29", 4, /prefix length/],
      ["fd00::/47", 6, /prefix length/],
      ["fd00::/121", 6, /prefix length/],
      ["127.3.0.0/16", 4, /loopback/],
      ["169.254.0.0/24", 4, /link-local/],
      ["239.0.0.0/16", 4, /multicast/],
      ["0.0.0.0/0", 4, /overlaps/],
      ["::/64", 6, /loopback/],
      ["fe80::/64", 6, /link-local/],
      ["ff02::/64", 6, /multicast/],
    ];
    for (const [text, family, why] of cases) {
      const checked = checkAccountRange(text, family, 0);
      assert.match(checked.ok ? "accepted" : checked.why, why, text);
    }
  });

  test("has room for half as many again as are in use", () => {
    // 2^6 addresses, three of which are never given out.
    assert.equal(checkAccountRange("10.0.0.0/26", 4, 40).ok, true);
    assert.equal(checkAccountRange("10.0.0.0/26", 4, 41).ok, false);
  });
});
