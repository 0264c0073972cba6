import assert from "node:assert/strict";
import {
  allocateAddress,
  isInRange,
  randomNetworkV4,
  randomNetworkV6,
} from "../../src/domain/overlay-address.ts";

const lowest = () => 0;
const highest = (below: number) => below - 1;

suite("overlay addresses", () => {
  test("account ranges lie in 100.64.0.0/10 and fd00::/8", () => {
    assert.equal(randomNetworkV4(lowest), "100.64.0.0/16");
    assert.equal(randomNetworkV4(highest), "100.127.0.0/16");
    assert.equal(randomNetworkV6(lowest), "fd00::/64");
    assert.equal(randomNetworkV6(highest), "fdff:ffff:ffff::/64");
  });

  test("network, first and last address are never handed out", () => {
    assert.equal(allocateAddress("100.64.0.0/16", new Set(), lowest), "100.64.0.2");
    assert.equal(allocateAddress("100.64.0.0/16", new Set(), highest), "100.64.255.254");
    assert.ok(isInRange("100.64.0.0/16", "100.64.255.254"));
  });

  test("the last free address is found, and a full range says so", () => {
    const used = new Set(["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.6"]);
    assert.equal(allocateAddress("10.0.0.0/29", used, lowest), "10.0.0.5");
    assert.equal(allocateAddress("10.0.0.0/29", new Set([...used, "10.0.0.5"]), lowest), undefined);
  });
});
