import assert from "node:assert/strict";
import { BlockList, isIP } from "node:net";
import fc from "fast-check";
import { type Decision, readDecision } from "../../src/reputation/decision.ts";
import { DecisionIndex } from "../../src/reputation/decision-index.ts";

const NOW = 1_000_000;
let lastId = 0;

function decision(value: string, more: Partial<Decision> = {}): Decision {
  lastId += 1;
  return { id: lastId, type: "ban", scope: "range", value, expiresAtMs: NOW + 1000, ...more };
}

function indexOf(...decisions: Decision[]): DecisionIndex {
  const index = new DecisionIndex();
  for (const entry of decisions) index.add(entry);
  return index;
}

suite("CrowdSec's decisions", () => {
  const find = (index: DecisionIndex, address: string, nowMs = NOW) => index.find(address, nowMs, undefined);

  test("are found by address and by range, IPv4 and IPv6, in every spelling", () => {
    const index = indexOf(
      decision("192.0.2.1"),
      decision("198.51.100.0/24", { type: "captcha" }),
      decision("2001:DB8:0:0::/32", { type: "throttle" }),
      decision("::ffff:203.0.113.0/120"),
      decision("fe80::192.0.2.1"),
    );
    for (const [address, expected] of [
      ["192.0.2.1", "ban"],
      ["::ffff:192.0.2.1", "ban"],
      ["::FFFF:c000:0201", "ban"],
      ["192.0.2.2", undefined],
      ["198.51.100.255", "captcha"],
      ["198.51.101.0", undefined],
      ["2001:db8::1", "throttle"],
      ["2001:0db8:ffff:ffff:ffff:ffff:ffff:ffff", "throttle"],
      ["2001:db9::1", undefined],
      ["203.0.113.77", "ban"],
      ["203.0.114.0", undefined],
      ["fe80::c000:201", "ban"],
      ["nonsense", undefined],
      ["", undefined],
    ] as const) {
      assert.equal(find(index, address), expected, address);
    }
  });

  test("the address itself comes before the ranges around it, the smaller range before the larger", () => {
    const index = indexOf(
      decision("0.0.0.0/0"),
      decision("10.0.0.0/8", { type: "captcha" }),
      decision("10.1.0.0/16", { type: "throttle" }),
      decision("10.1.1.1", { type: "captcha" }),
    );
    assert.equal(find(index, "10.1.1.1"), "captcha");
    assert.equal(find(index, "10.1.1.2"), "throttle");
    assert.equal(find(index, "10.2.0.0"), "captcha");
    assert.equal(find(index, "8.8.8.8"), "ban");
  });

  test("of several on one address the strongest counts, and each is taken back by itself", () => {
    const [ban, longBan, captcha] = [
      decision("192.0.2.1"),
      decision("192.0.2.1"),
      decision("192.0.2.1", { type: "captcha" }),
    ] as [Decision, Decision, Decision];
    const index = indexOf(captcha, ban, longBan);
    assert.equal(find(index, "192.0.2.1"), "ban");
    index.remove(ban.id);
    index.remove(ban.id);
    assert.equal(find(index, "192.0.2.1"), "ban");
    index.remove(longBan.id);
    assert.equal(find(index, "192.0.2.1"), "captcha");
    index.remove(captcha.id);
    assert.equal(find(index, "192.0.2.1"), undefined);
    assert.equal(index.size, 0);
  });

  test("end when their time is over, told or not", () => {
    const index = indexOf(
      decision("192.0.2.1", { expiresAtMs: NOW + 10 }),
      decision("192.0.2.0/24", { type: "captcha" }),
    );
    assert.equal(find(index, "192.0.2.1", NOW + 9), "ban");
    assert.equal(find(index, "192.0.2.1", NOW + 10), "captcha");
    assert.equal(find(index, "192.0.2.1", NOW + 1000), undefined);
  });

  test("on countries count when nothing is nearer", () => {
    const index = indexOf(
      decision("NL", { scope: "country" }),
      decision("193.0.6.0/24", { type: "captcha" }),
    );
    const countryOf = (address: string) => (address.startsWith("193.") ? "NL" : "");
    assert.equal(index.find("193.0.7.1", NOW, countryOf), "ban");
    assert.equal(index.find("193.0.6.1", NOW, countryOf), "captcha");
    assert.equal(index.find("10.0.0.1", NOW, countryOf), undefined);
    assert.equal(index.find("193.0.7.1", NOW, undefined), undefined);
  });

  test("agree with Node's own list of ranges on any address", () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    const range = address.chain((base) =>
      fc.integer({ min: 0, max: isIP(base) === 4 ? 32 : 128 }).map((length) => ({ base, length })),
    );
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 20 }),
        fc.array(address, { maxLength: 20 }),
        (ranges, asked) => {
          const list = new BlockList();
          const index = new DecisionIndex();
          for (const { base, length } of ranges) {
            list.addSubnet(base, length, isIP(base) === 4 ? "ipv4" : "ipv6");
            index.add(decision(`${base}/${length}`));
          }
          for (const one of [...asked, ...ranges.map(({ base }) => base)]) {
            // Node counts an IPv4 address as one in IPv6 too, where it is written as one; that is its own business.
            if (
              /^::(ffff:)?[0-9a-f.:]*$/i.test(one) ||
              ranges.some(({ base, length }) => base.includes(":") && length < 96 && isIP(one) === 4)
            )
              continue;
            assert.equal(
              find(index, one) !== undefined,
              list.check(one, isIP(one) === 4 ? "ipv4" : "ipv6"),
              one,
            );
          }
        },
      ),
      { verbose: true },
    );
  });

  test("are read as the local API writes them; what cannot be acted on is left out", () => {
    const entry = {
      id: 7,
      origin: "cscli",
      type: "ban",
      scope: "Ip",
      value: "192.0.2.1",
      duration: "3h59m58.5s",
    };
    assert.deepEqual(readDecision(entry, NOW), {
      id: 7,
      type: "ban",
      scope: "range",
      value: "192.0.2.1",
      expiresAtMs: NOW + 14_398_500,
    });
    assert.equal(readDecision({ ...entry, duration: "-1.5s" }, NOW)?.expiresAtMs, NOW - 1500);
    assert.equal(readDecision({ ...entry, duration: "8760h0m0s" }, NOW)?.expiresAtMs, NOW + 8760 * 3_600_000);
    assert.equal(readDecision({ ...entry, type: "Captcha" }, NOW)?.type, "captcha");
    assert.equal(readDecision({ ...entry, type: "something new" }, NOW)?.type, "ban");
    assert.equal(readDecision({ ...entry, scope: "country", value: "nl" }, NOW)?.value, "NL");
    for (const broken of [
      null,
      7,
      {},
      { ...entry, id: "7" },
      { ...entry, duration: "soon" },
      { ...entry, value: 7 },
      { ...entry, scope: "AS", value: "3333" },
    ]) {
      assert.equal(readDecision(broken, NOW), undefined, JSON.stringify(broken));
    }
    assert.equal(
      indexOf(decision("not an address"), decision("10.0.0.0/33"), decision("10.0.0.0/x")).size,
      0,
    );
  });
});
